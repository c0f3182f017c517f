namespace CondEmbed.Common;

/// <summary>A stream that throws where it ends: code that takes the -1 of <see cref="Stream.ReadByte"/> for a byte would read on forever.</summary>
internal sealed class EndedStream(string path) : FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
{
    public override int ReadByte() => base.ReadByte() is >= 0 and var next ? next : throw new EndOfStreamException("it ends in the middle of a header");
}
