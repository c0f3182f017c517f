namespace CondEmbed.Common;

/// <summary>A file that says so where it ends: whoever takes the -1 of <see cref="Stream.ReadByte"/> for a byte would read on for ever.</summary>
internal sealed class EndedStream(string path) : FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
{
    public override int ReadByte() => base.ReadByte() is >= 0 and var next ? next : throw new EndOfStreamException("it ends in the middle of a header");
}
