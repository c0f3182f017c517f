using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace CondEmbed.Health;

/// <summary>
/// Brings libtorch for the CPU to a program that came without it, as the tool <c>condembed</c> does: into the NuGet packages of this user, where every program with
/// CondEmbed finds it (see <see cref="Native"/>), by the .NET SDK and from its sources.
/// </summary>
public static class LibtorchDownload
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
          <ItemGroup><PackageDownload Include="{0}" Version="[{1}]" /></ItemGroup>
        </Project>
        """;

    /// <summary>The package and its version, as in <c>libtorch-cpu-linux-x64 2.10.0</c>.</summary>
    public static string Package => $"{Native.libtorchPackage} {Native.libtorchVersion}";

    /// <summary>The folder that libtorch would be loaded from now; empty when there is none.</summary>
    /// <exception cref="InputException">CONDEMBED_LIBTORCH names a folder without libtorch.</exception>
    public static string Folder => Native.libtorchFolder();

    /// <summary>Restores the package, some 130 MB to fetch and 600 MB on the disk, and gives the folder of libtorch in it.</summary>
    /// <exception cref="InputException">
    /// There is no such package for this system, no .NET SDK, or the SDK could not restore it; or it lies where a program would not look, and the message says what to set.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped; what was fetched by then is kept or not as NuGet likes, but never half a package.</exception>
    public static async Task<string> FetchAsync(CancellationToken cancellation = default)
    {
        if (Native.libtorchPackage.Length == 0)
            throw new InputException($"There is no package with libtorch for this system; let CONDEMBED_LIBTORCH name the folder of libtorch {Native.libtorchVersion}.");

        var work = Directory.CreateTempSubdirectory("condembed-");
        try
        {
            var project = Path.Combine(work.FullName, "libtorch.csproj");
            await File.WriteAllTextAsync(project, string.Format(null, Project, Native.libtorchPackage, Native.libtorchVersion), cancellation).ConfigureAwait(false);
            await RestoreAsync(project, cancellation).ConfigureAwait(false);
            return Check(FolderOf(Path.Combine(work.FullName, "obj", "project.assets.json")));
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static async Task RestoreAsync(string project, CancellationToken cancellation)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(dotnet, ["restore", project, "--verbosity", "minimal"]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };

        try
        {
            process.Start();
        }
        catch (Win32Exception problem)
        {
            throw new InputException($"{dotnet} cannot be started ({problem.Message}); fetching libtorch takes the .NET SDK.");
        }

        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        if (process.ExitCode != 0)
        {
            var said = (await output.ConfigureAwait(false)).Trim() + (await errors.ConfigureAwait(false)).Trim();
            throw new InputException($"the .NET SDK could not restore {Package}. It says:\n{said}");
        }
    }

    // NuGet writes down every folder of packages that it used.
    private static string FolderOf(string assets) =>
        JsonNode.Parse(File.ReadAllBytes(assets))!["packageFolders"]!.AsObject()
            .Select(packages => Native.libtorchIn(packages.Key))
            .FirstOrDefault(folder => folder.Length > 0)
        ?? throw new InputException($"{Package} was restored, but there is no libtorch in it.");

    private static string Check(string folder) =>
        Folder.Length > 0
            ? folder
            : throw new InputException($"libtorch lies in '{folder}' now, where NuGet is told to keep packages, but no program looks there by itself: set CONDEMBED_LIBTORCH to that folder.");
}
