using System.Buffers.Binary;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Health;

/// <summary>Reads what the machine says of itself.</summary>
internal static class MachineReader
{
    private static readonly string[] Allocators = ["tcmalloc", "jemalloc", "mimalloc"];

    public static Machine Read() => new(
        SystemName(),
        RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
        X86Base.IsSupported ? X86Model() : RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        [.. Instructions()],
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    public static Allocator ReadAllocator()
    {
        var maps = OperatingSystem.IsLinux() ? File.ReadAllText("/proc/self/maps") : "";
        var name = Allocators.FirstOrDefault(name => maps.Contains($"/lib{name}", StringComparison.Ordinal)) ?? "system";
        return new Allocator(name, name == "system" && OperatingSystem.IsLinux() ? TcmallocFile() : "");
    }

    // Of the folders that Debian, Fedora and Arch put it in, the one for this processor.
    private static string TcmallocFile()
    {
        var triplet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        string[] folders = [$"/usr/lib/{triplet}", "/usr/lib64", "/usr/lib"];
        return folders.Select(folder => $"{folder}/libtcmalloc_minimal.so.4").FirstOrDefault(File.Exists) ?? "";
    }

    private static string SystemName()
    {
        const string Key = "PRETTY_NAME=";
        const string Release = "/etc/os-release";
        var line = File.Exists(Release) ? File.ReadLines(Release).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) : null;
        return line is null ? RuntimeInformation.OSDescription : line[Key.Length..].Trim('"');
    }

    private static IEnumerable<string> Instructions()
    {
        if (Avx2.IsSupported)
            yield return "AVX2";
        if (Avx512F.IsSupported)
            yield return "AVX512";
        if (X86Base.IsSupported && HasBf16())
            yield return "BF16";
        if (AdvSimd.IsSupported)
            yield return "NEON";
    }

    // Intel's manual, volume 2, CPUID: leaf 7, subleaf 1, EAX bit 5 is AVX512_BF16; subleaf 0, EDX bit 22 is AMX-BF16.
    private static bool HasBf16() =>
        X86Base.CpuId(0, 0).Eax >= 7 && ((X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0);

    // The model's name is spread over three leaves of 16 letters each.
    private static string X86Model()
    {
        const int First = unchecked((int)0x80000002);
        if ((uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000004u)
            return "x86";
        Span<byte> letters = stackalloc byte[48];
        for (var leaf = 0; leaf < 3; leaf++)
        {
            var (eax, ebx, ecx, edx) = X86Base.CpuId(First + leaf, 0);
            ReadOnlySpan<int> parts = [eax, ebx, ecx, edx];
            for (var part = 0; part < 4; part++)
                BinaryPrimitives.WriteInt32LittleEndian(letters[(16 * leaf + 4 * part)..], parts[part]);
        }
        return Encoding.ASCII.GetString(letters).Replace("\0", "", StringComparison.Ordinal).Trim();
    }
}
