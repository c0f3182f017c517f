namespace CondEmbed.Common;

/// <summary>
/// Turns what the system reports about a file into one sentence with the file and the remedy: a <see cref="DiskException"/> if the disk is at fault, an
/// <see cref="InputException"/> if the name is.
/// </summary>
internal static class FileProblem
{
    /// <summary>Whether this is about a file at all; for exception filters.</summary>
    internal static bool IsOfFile(Exception problem) => problem is IOException or UnauthorizedAccessException;

    /// <summary>Whether a disk is full, a quota used up or a file too large, here or in what caused it.</summary>
    internal static bool IsFull(Exception? problem) => problem switch
    {
        null => false,
        AggregateException several => several.InnerExceptions.Any(IsFull),
        IOException when Is(problem, Full) || Is(problem, Quota) || Is(problem, TooLarge) => true,
        _ => IsFull(problem.InnerException),
    };

    /// <summary>Whether the reader of a pipe has gone, or the stream was closed.</summary>
    internal static bool IsBrokenPipe(Exception problem) => Is(problem, [32]);

    /// <summary>Whether another program has a lock on the file.</summary>
    internal static bool IsLocked(Exception problem) => Is(problem, Locked);

    /// <summary>The exception that says why a file could not be written.</summary>
    internal static Exception OfWriting(string path, Exception problem) => problem switch
    {
        InputException => problem,
        DiskException => problem,
        _ when IsFull(problem) || Is(problem, Failing) => new DiskException($"{path}: cannot be written: {Reason(problem)}. {Remedy(problem)}", problem),
        _ => new InputException($"{path}: cannot be written: {Reason(problem)}. Choose another place for it."),
    };

    /// <summary>The exception that says why a file or folder could not be read.</summary>
    internal static Exception OfReading(string path, Exception problem) => problem switch
    {
        InputException => problem,
        _ when Is(problem, Failing) => new DiskException($"{path}: cannot be read: {Reason(problem)}.", problem),
        _ => new InputException($"{path}: cannot be read: {Reason(problem)}."),
    };

    /// <summary>Does what writes to a file or folder; what is wrong with it is told by <see cref="OfWriting"/>.</summary>
    internal static T Writing<T>(string path, Func<T> work) => Telling(work, problem => OfWriting(path, problem));

    /// <inheritdoc cref="Writing{T}"/>
    internal static void Writing(string path, Action work) => Writing(path, () =>
    {
        work();
        return true;
    });

    /// <summary>Does what reads a file or folder; what is wrong with it is told by <see cref="OfReading"/>.</summary>
    internal static T Reading<T>(string path, Func<T> work) => Telling(work, problem => OfReading(path, problem));

    /// <summary>Sees to it that a file is there.</summary>
    /// <exception cref="InputException">It is not, or is a folder.</exception>
    internal static void DemandFile(string path)
    {
        if (!File.Exists(path))
        {
            throw Directory.Exists(path) ? NotFile(path) : new InputException($"{path}: no such file");
        }
    }

    private static InputException NotFile(string path) => new($"{path}: is a folder, and a file is wanted here.");

    /// <summary>As <see cref="Reading{T}"/>, for what is to be a file: a folder in its place, which the system refuses as if permission were missing, is called one.</summary>
    internal static T ReadingFile<T>(string path, Func<T> work) => Telling(
        work,
        problem => problem is UnauthorizedAccessException && Directory.Exists(path)
            ? NotFile(path)
            : OfReading(path, problem));

    /// <summary>Does something with a file; what is wrong with it is told by the exception that is made of it.</summary>
    internal static T Telling<T>(Func<T> work, Func<Exception, Exception> tell)
    {
        try
        {
            return work();
        }
        catch (Exception problem) when (IsOfFile(problem))
        {
            throw tell(problem);
        }
    }

    /// <summary>Does something with a file; nothing is told of what is wrong with it, and something else is returned.</summary>
    internal static T OrElse<T>(Func<T> work, T otherwise)
    {
        try
        {
            return work();
        }
        catch (Exception problem) when (IsOfFile(problem))
        {
            return otherwise;
        }
    }

    /// <summary>Does something with a file, if it can be done.</summary>
    internal static void Try(Action work) => OrElse(
        () =>
        {
            work();
            return true;
        },
        false);

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="InputException">It cannot be read.</exception>
    internal static byte[] Bytes(string path) => ReadingFile(path, () => File.ReadAllBytes(path));

    /// <summary>The same for any exception about a file whose name only the system's own message tells.</summary>
    internal static Exception Of(Exception problem)
    {
        var path = PathIn(problem);
        return IsFull(problem) ? OfWriting(path ?? "a file", problem) : OfReading(path ?? "a file", problem);
    }

    /// <summary>What is wrong, in a few words without the file's name.</summary>
    internal static string Reason(Exception problem) => problem switch
    {
        _ when Is(problem, Full) => "the disk is full",
        _ when Is(problem, Quota) => "the quota on that disk is used up",
        _ when Is(problem, TooLarge) => "the file is larger than this disk or user allows",
        _ when Is(problem, ReadOnly) => "the disk is read-only",
        _ when Is(problem, Failing) => "the disk reports an error",
        _ when Is(problem, NoFolder) => "a part of the path is a file, not a folder",
        _ when Is(problem, Folder) => "it is a folder",
        _ when Is(problem, Busy) => "it is in use",
        _ when Is(problem, Loop) => "its links form a loop",
        UnauthorizedAccessException => "this user has no permission",
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "no such folder",
        PathTooLongException => "the name is too long",
        _ when Is(problem, TooLong) => "the name is too long",
        EndOfStreamException => "the file ends too early",
        _ => WithoutPath(problem.Message),
    };

    private static string Remedy(Exception problem) => Is(problem, Failing) ? "Choose another disk." : "Free some space, or choose another place for it.";

    // Error numbers of Linux and macOS; those of Windows as HRESULTs.
    private static readonly int[] Full = [28, unchecked((int)0x80070070), unchecked((int)0x80070027)];
    private static readonly int[] Quota = [OperatingSystem.IsMacOS() ? 69 : 122, unchecked((int)0x8007050F)];
    private static readonly int[] TooLarge = [27, unchecked((int)0x800700DF)];
    private static readonly int[] ReadOnly = [30, unchecked((int)0x80070013)];
    private static readonly int[] Failing = [5, OperatingSystem.IsMacOS() ? 70 : 116, unchecked((int)0x8007045D)];
    private static readonly int[] NoFolder = [20];
    private static readonly int[] Folder = [21];
    private static readonly int[] Busy = [16, 26, unchecked((int)0x80070020)];
    private static readonly int[] Locked = [OperatingSystem.IsMacOS() ? 35 : 11, unchecked((int)0x80070020)];
    private static readonly int[] TooLong = [OperatingSystem.IsMacOS() ? 63 : 36, unchecked((int)0x800700CE)];
    private static readonly int[] Loop = [OperatingSystem.IsMacOS() ? 62 : 40];

    private static bool Is(Exception problem, int[] numbers) =>
        (problem is IOException && numbers.Contains(problem.HResult)) || (problem.InnerException is { } inner && Is(inner, numbers));

    /// <summary>The system writes <c>reason : 'path'</c>.</summary>
    private static string WithoutPath(string message)
    {
        var at = message.LastIndexOf(" : '", StringComparison.Ordinal);
        return (at < 0 ? message : message[..at]).TrimEnd('.', ' ');
    }

    private static string? PathIn(Exception problem)
    {
        if (problem is FileNotFoundException { FileName: { Length: > 0 } name })
        {
            return name;
        }

        var (start, end) = (problem.Message.IndexOf('\''), problem.Message.LastIndexOf('\''));
        return start >= 0 && end > start + 1 ? problem.Message[(start + 1)..end] : null;
    }
}
