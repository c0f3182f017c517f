using System.Buffers.Binary;
using Google.Protobuf;
using Tensorboard;

namespace CondEmbed.TensorBoard;

/// <summary>
/// Appends to one of TensorBoard's event files: TensorFlow's records, each an <see cref="Event"/> between two checksums. (TorchSharp's SummaryWriter
/// cannot be disposed, and gives every scalar a record of its own.) Every event
/// reaches the operating system at once, so that TensorBoard shows it while the run goes on and a killed process loses none.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private readonly FileStream stream;

    /// <summary>A new file.</summary>
    internal EventFile(string path, DateTimeOffset time)
    {
        stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        stream.OrDispose(_ =>
        {
            Append(time, new Event { FileVersion = "brain.Event:2" });

            // Tells a TensorBoard that watches the folder to forget earlier files.
            Append(time, new Event { SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start } });
        });
    }

    /// <summary>Appends an event.</summary>
    internal void Append(DateTimeOffset time, Event content)
    {
        content.WallTime = time.ToUnixTimeMilliseconds() / 1000.0;
        var message = content.ToByteArray();
        var record = new byte[message.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(record, message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Checksum(record.AsSpan(0, 8)));
        message.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + message.Length), Checksum(message));
        stream.Write(record);
    }

    public void Dispose() => stream.Dispose();

    /// <summary>CRC-32C, masked as in TensorFlow's records, so that checksums of data that contains checksums stay strong.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;

        foreach (var one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }
}
