using System.Reflection;
using CondEmbed.Torch;
using SkiaSharp;

namespace CondEmbed.Health;

/// <summary>Finds out what this installation can do and what is wrong with it.</summary>
public static class Doctor
{
    /// <summary>
    /// Looks at versions, machine, native libraries, devices and cache, and does a few tiny jobs. Never fails because something is missing:
    /// that is what it reports.
    /// </summary>
    /// <param name="mpi">The MPI by which several processes would train together, in words; empty if there is none.</param>
    /// <param name="found">What was found to be wrong before.</param>
    public static Examination Examine(string mpi = "", Problem? found = null)
    {
        var native = Native.status();
        var loaded = native.Problem.Length == 0;
        var (cache, cacheProblem) = ExamineCache(native.Cache);
        SelfTestResult[] tests = [.. loaded ? SelfTests.Torch(native.Devices) : [], SelfTests.ImageDecoding()];

        List<Problem> problems = [];
        if (!loaded)
            problems.Add(new Problem("Torch's native libraries cannot be loaded.", native.Problem));
        problems.AddRange(tests.Where(test => !test.Passed).Select(ToProblem));
        problems.AddRange(new[] { cacheProblem, found }.OfType<Problem>());

        return new Examination(
            ReadVersions(native),
            MachineReader.Read(),
            new NativeLibraries(loaded, native.Folder, native.Loaded, native.Patched, native.Reason),
            new Computing(native.Devices, native.Threads, native.InterOpThreads, MachineReader.ReadAllocator()),
            cache,
            tests,
            problems)
        {
            Mpi = mpi,
        };
    }

    private static Versions ReadVersions(Native.Status native) => new(
        VersionOf(typeof(Doctor)),
        RuntimeInformation.FrameworkDescription,
        native.TorchSharp,
        native.Libtorch,
        VersionOf(typeof(SKBitmap)));

    // The version as published, without the commit that may follow a plus sign.
    private static string VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    private static Problem ToProblem(SelfTestResult test) => new(
        $"The test '{test.Name}' failed: {test.Detail}",
        "Delete the folders bin and obj and build again; if it still fails, the libraries do not fit this machine.");

    private static (CacheFolder Cache, Problem? Problem) ExamineCache(string path)
    {
        if (path.Length == 0)
            return (new CacheFolder(path, false), CacheProblem("There is no folder for cached files, since this user has no home directory."));
        try
        {
            Directory.CreateDirectory(path);
            var trial = Path.Combine(path, Path.GetRandomFileName());
            File.WriteAllText(trial, "");
            File.Delete(trial);
            return (new CacheFolder(path, true), null);
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            return (new CacheFolder(path, false), CacheProblem($"The folder for cached files cannot be written: {problem.Message}"));
        }
    }

    private static Problem CacheProblem(string what) =>
        new(what, "Set the environment variable XDG_CACHE_HOME to a folder that this user can write to; until then every start makes its own copy.");
}
