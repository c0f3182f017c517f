namespace CondEmbed.Common;

/// <summary>Git LFS leaves a small text file in place of a large file until the file is fetched. Source: git-lfs, docs/spec.md, "The Pointer".</summary>
internal static class GitLfs
{
    /// <summary>What such a file is and what to do about it, as a clause without a full stop.</summary>
    internal const string Reason = "a Git LFS pointer, not the file itself: the repository was cloned without its large files. Fetch them with git lfs pull";

    private const int Longest = 1024;

    /// <summary>Whether a file with this beginning is a pointer.</summary>
    internal static bool IsPointer(ReadOnlySpan<byte> head) => head.StartsWith("version https://git-lfs"u8) || head.StartsWith("version https://hawser"u8);

    /// <summary>The reason why a file cannot be used if it is a pointer, else null. Call it when reading the file has failed.</summary>
    internal static string? ProblemOf(string path) => FileProblem.OrElse(
        () =>
        {
            using var file = File.OpenHandle(path);
            Span<byte> head = stackalloc byte[64];
            return RandomAccess.GetLength(file) <= Longest && IsPointer(head[..RandomAccess.Read(file, head, 0)]) ? Reason : null;
        },
        null);
}
