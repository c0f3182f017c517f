using System.Text.Encodings.Web;
using System.Text.Json.Serialization;
using CondEmbed.Torch;

namespace CondEmbed.Health;

/// <summary>The versions of what a run stands on; empty where a part does not tell.</summary>
public sealed record Versions(
    [property: JsonPropertyName("condembed")] string CondEmbed,
    string Dotnet,
    [property: JsonPropertyName("torchsharp")] string TorchSharp,
    string Libtorch,
    [property: JsonPropertyName("skiasharp")] string SkiaSharp);

/// <summary>The machine as this process sees it.</summary>
/// <param name="System">The operating system's name and version.</param>
/// <param name="Architecture">The architecture of the process, such as x64.</param>
/// <param name="Processor">The processor's model.</param>
/// <param name="Cores">The logical cores that the process may use.</param>
/// <param name="Instructions">Those vector instructions of the processor that matter for speed.</param>
/// <param name="MemoryBytes">The memory that the process may use, in bytes.</param>
public sealed record Machine(
    string System, string Architecture, string Processor, int Cores, IReadOnlyList<string> Instructions, long MemoryBytes);

/// <summary>How torch's native libraries were loaded; see <see cref="Native.Status"/>.</summary>
/// <param name="Loaded">Whether torch can be used.</param>
/// <param name="Folder">The folder of libtorch.</param>
/// <param name="Library">The file of TorchSharp's native library.</param>
/// <param name="Patched">Whether that file is a copy patched for an older libstdc++.</param>
/// <param name="Reason">Why it was patched or left alone.</param>
public sealed record NativeLibraries(bool Loaded, string Folder, string Library, bool Patched, string Reason);

/// <summary>What torch computes with.</summary>
/// <param name="Devices">The devices there are: "cpu", "cuda:0", ...</param>
/// <param name="Threads">The threads that one operation is spread over.</param>
/// <param name="InterOpThreads">The threads that independent operations are spread over.</param>
/// <param name="Allocator">What gives torch its memory on the CPU.</param>
public sealed record Computing(IReadOnlyList<string> Devices, int Threads, int InterOpThreads, Allocator Allocator);

/// <summary>An allocator of memory.</summary>
/// <param name="Name">"tcmalloc", "jemalloc" or "mimalloc" where one of these was loaded before all else; else that of the C library, "system".</param>
/// <param name="Better">The file of a tcmalloc that this machine has and the process does not use; empty where there is none.</param>
public sealed record Allocator(string Name, string Better);

/// <summary>The folder for cached files, and whether files can be made there.</summary>
public sealed record CacheFolder(string Path, bool Writable);

/// <summary>A tiny job whose result is known.</summary>
/// <param name="Name">What was tried.</param>
/// <param name="Passed">Whether the result was right.</param>
/// <param name="Detail">What went wrong; empty when nothing did.</param>
public sealed record SelfTestResult(string Name, bool Passed, string Detail);

/// <summary>Something wrong, and how to fix it.</summary>
public sealed record Problem(string What, string Fix);

/// <summary>What <see cref="Doctor.Examine"/> found.</summary>
public sealed record Examination(
    Versions Versions,
    Machine Machine,
    NativeLibraries Native,
    Computing Computing,
    CacheFolder Cache,
    IReadOnlyList<SelfTestResult> SelfTests,
    IReadOnlyList<Problem> Problems)
{
    private static readonly JsonSerializerOptions Options = new(JsonStyle.Indented) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The MPI by which several processes would train together, in words; empty if there is none.</summary>
    public string Mpi { get; init; } = "";

    /// <summary>Whether nothing is wrong.</summary>
    public bool Healthy => Problems.Count == 0;

    /// <summary>One JSON document; its keys are the names of the properties in snake_case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Options);

    /// <summary>For people to read: what there is, then what is wrong and how to fix it.</summary>
    public string ToText() => ExaminationText.Write(this);
}
