namespace CondEmbed.Health;

/// <summary>Lays an examination out as lines of text.</summary>
internal static class ExaminationText
{
    private const int LabelWidth = 16;

    public static string Write(Examination found)
    {
        var text = new StringBuilder();
        foreach (var (label, value) in Facts(found))
            text.Append(label.PadRight(LabelWidth)).Append(value.Length > 0 ? value : "unknown").Append('\n');
        text.Append('\n');
        foreach (var test in found.SelfTests)
            text.Append(test.Passed ? "ok      " : "FAILED  ").Append(test.Name).Append(test.Passed ? "" : ": " + test.Detail).Append('\n');
        text.Append('\n');
        foreach (var problem in found.Problems)
            text.Append("WRONG   ").Append(problem.What).Append("\n  fix   ").Append(problem.Fix).Append('\n');
        return text.Append(found.Healthy ? "Nothing is wrong.\n" : "").ToString();
    }

    private static IEnumerable<(string Label, string Value)> Facts(Examination found)
    {
        var (versions, machine, native, computing) = (found.Versions, found.Machine, found.Native, found.Computing);
        yield return ("CondEmbed", versions.CondEmbed);
        yield return (".NET", versions.Dotnet);
        yield return ("TorchSharp", versions.TorchSharp);
        yield return ("libtorch", versions.Libtorch);
        yield return ("SkiaSharp", versions.SkiaSharp);
        yield return ("system", $"{machine.System}, {machine.Architecture}");
        yield return ("processor", Processor(machine));
        yield return ("memory", string.Create(CultureInfo.InvariantCulture, $"{machine.MemoryBytes / (double)(1L << 30):0.0} GiB"));
        if (native.Loaded)
        {
            yield return ("devices", string.Join(", ", computing.Devices));
            yield return ("threads", string.Create(CultureInfo.InvariantCulture,
                $"{computing.Threads} in an operation, {computing.InterOpThreads} between operations"));
            yield return ("allocator", AllocatorOf(computing.Allocator));
            yield return ("libtorch from", native.Folder);
            yield return ("binding", $"{native.Library} ({(native.Patched ? "a patched copy" : "unmodified")}: {native.Reason})");
        }
        yield return ("MPI", found.Mpi.Length > 0 ? found.Mpi : "none: training uses one process");
        yield return ("cache", found.Cache.Path + (found.Cache.Writable ? "" : " (cannot be written)"));
    }

    private static string AllocatorOf(Allocator allocator) => allocator.Better.Length == 0
        ? allocator.Name
        : $"{allocator.Name}; a training of a large network takes less time and memory when LD_PRELOAD={allocator.Better} is set in its environment";

    private static string Processor(Machine machine)
    {
        var instructions = machine.Instructions.Count > 0 ? string.Join(" ", machine.Instructions) : "no AVX2";
        return string.Create(CultureInfo.InvariantCulture, $"{machine.Processor}, {machine.Cores} {(machine.Cores == 1 ? "core" : "cores")}, {instructions}");
    }
}
