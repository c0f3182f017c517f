using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.Common;

/// <summary>File operations that .NET does not offer: reading a part as a whole, flushing to disk, and telling what kind a file is.</summary>
internal static partial class Disk
{
    /// <summary>Reads from a position on until the buffer is full or the file ends; returns how many bytes there were.</summary>
    internal static int Read(SafeFileHandle file, Span<byte> into, long at)
    {
        var count = 0;
        for (var read = 1; read > 0 && count < into.Length; count += read)
        {
            read = RandomAccess.Read(file, into[count..], at + count);
        }

        return count;
    }

    /// <summary>Flushes a file that some other code has written.</summary>
    internal static void FlushFile(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Flushes the names in a folder if the system can; otherwise renames reach the disk a little later.</summary>
    internal static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var handle = Open(folder, 0);
        if (handle >= 0)
        {
            _ = Sync(handle);
            _ = Close(handle);
        }
    }

    /// <summary>Whether a name leads, through links too, to something that is neither a file nor a folder: a pipe, a socket, a device such as /dev/null.</summary>
    internal static unsafe bool IsSpecial(string path)
    {
        if (OperatingSystem.IsWindows() || string.IsNullOrEmpty(path))
        {
            return false;
        }

        const int Kind = 0xF000, File = 0x8000, Folder = 0x4000;
        // The runtime's own record of a file: flags, then the mode, then fields that are not needed here.
        var record = stackalloc int[128];
        return Stat(path, record) == 0 && (record[1] & Kind) is not (File or Folder);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Stat", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat(string path, int* record);
}
