using System.Text.Json;

namespace CondEmbed.Common;

/// <summary>
/// The one place where text is read. Text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. Anything else is refused: a decoder that replaces what it
/// does not know would merge different labels into one.
/// </summary>
public static class TextFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // The mark of UTF-32 begins with that of UTF-16, so it comes first.
    private static readonly Encoding[] Marked =
    [
        new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
        new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true),
    ];

    /// <summary>The whole text of a file, without a byte order mark.</summary>
    /// <exception cref="InputException">The file cannot be read, or is not text; the message names the line and the byte.</exception>
    public static string Read(string path) => Decoded(path, FileProblem.Bytes(path));

    /// <summary>The lines of a file, one at a time, so that a large file is never held as a whole.</summary>
    /// <exception cref="InputException">As in <see cref="Read"/>, when the line is reached.</exception>
    public static IEnumerable<string> Lines(string path)
    {
        using var reader = Opened(path);
        while (Next(path, reader) is { } line)
        {
            yield return line;
        }
    }

    /// <summary>What a part of a JSON document is, in the words of people who write it: a list, an object, text ...</summary>
    public static string KindOf(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "nothing",
    };

    /// <summary>Reads a JSON file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="make">Turns the document's root, which lives as long as this call, into the result.</param>
    /// <exception cref="InputException">The file cannot be read, or is not valid JSON.</exception>
    public static T ReadJson<T>(string path, Func<JsonElement, T> make)
    {
        var bytes = FileProblem.Bytes(path);
        var encoding = EncodingOf(bytes);
        return encoding is UTF8Encoding && System.Text.Unicode.Utf8.IsValid(bytes)
            ? Json(path, () => JsonDocument.Parse(bytes.AsMemory(encoding.Preamble.Length)), make)
            : Json(path, () => JsonDocument.Parse(Decoded(path, bytes)), make);
    }

    /// <summary>
    /// Whether this is what an invalid JSON document throws: half a surrogate pair, written as an escape, is an
    /// <see cref="InvalidOperationException"/>, and found only when the text is asked for.
    /// </summary>
    internal static bool IsBadJson(Exception problem) => problem is JsonException or (InvalidOperationException and not ObjectDisposedException);

    private static T Json<T>(string place, Func<JsonDocument> parse, Func<JsonElement, T> make)
    {
        try
        {
            using var document = parse();
            return make(document.RootElement);
        }
        catch (Exception problem) when (IsBadJson(problem))
        {
            throw new InputException($"{place}: not valid JSON: {problem.Message}");
        }
    }

    /// <summary>The text of bytes; <paramref name="path"/> names them in messages.</summary>
    internal static string Decoded(string path, byte[] bytes)
    {
        var encoding = EncodingOf(bytes);
        try
        {
            var text = encoding.GetString(bytes.AsSpan(encoding.Preamble.Length));
            return text.Contains('\0', StringComparison.Ordinal) ? throw NotText(path, new MemoryStream(bytes)) : text;
        }
        catch (DecoderFallbackException)
        {
            throw NotText(path, new MemoryStream(bytes));
        }
    }

    private static StreamReader Opened(string path) => FileProblem.ReadingFile(path, () =>
    {
        Stream stream = File.OpenRead(path);
        if (!stream.CanSeek)
        {
            // A pipe has to be read to its end to tell what it contains.
            stream.Dispose();
            stream = new MemoryStream(File.ReadAllBytes(path));
        }

        var encoding = EncodingOf(Start(stream));
        stream.Position = encoding.Preamble.Length;
        return new StreamReader(stream, encoding, detectEncodingFromByteOrderMarks: false);
    });

    private static string? Next(string path, StreamReader reader)
    {
        try
        {
            var line = reader.ReadLine();
            if (line?.Contains('\0', StringComparison.Ordinal) != true)
            {
                return line;
            }
        }
        catch (DecoderFallbackException)
        {
            // Said below.
        }
        catch (IOException problem)
        {
            throw FileProblem.OfReading(path, problem);
        }

        reader.BaseStream.Position = 0;
        throw NotText(path, reader.BaseStream);
    }

    private static byte[] Start(Stream stream)
    {
        var start = new byte[4];
        return start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
    }

    private static Encoding EncodingOf(ReadOnlySpan<byte> bytes)
    {
        foreach (var encoding in Marked)
        {
            if (bytes.StartsWith(encoding.Preamble))
            {
                return encoding;
            }
        }

        return Utf8;
    }

    /// <summary>The error that says where bytes stop being text.</summary>
    private static InputException NotText(string path, Stream stream)
    {
        var encoding = EncodingOf(Start(stream));
        if (encoding is not UTF8Encoding)
        {
            return new InputException($"{path}: damaged {encoding.EncodingName} text. Save the file as UTF-8.");
        }

        stream.Position = 0;
        var (offset, line, wrong) = FirstWrong(stream);
        return new InputException(wrong == 0
            ? $"{path}, line {line}: a zero byte at offset {offset}, so this is not text, or is UTF-16 without a byte order mark. Save the file as UTF-8."
            : $"{path}, line {line}: the byte 0x{wrong:X2} at offset {offset} is not UTF-8, so this is not text, or is in another encoding. Save the file as UTF-8{(path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? " (in Excel: \"CSV UTF-8\")" : "")}.");
    }

    /// <summary>The offset, the line (from 1) and the value of the first byte that is zero or not UTF-8.</summary>
    private static (long Offset, int Line, byte Value) FirstWrong(Stream stream)
    {
        var buffer = new byte[1 << 16];
        var (offset, line, kept) = (0L, 1, 0);
        while (true)
        {
            var read = stream.Read(buffer.AsSpan(kept));
            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, kept + read);
            var at = 0;
            while (at < bytes.Length)
            {
                var status = Rune.DecodeFromUtf8(bytes[at..], out var rune, out var used);
                if (status == System.Buffers.OperationStatus.NeedMoreData && read > 0)
                {
                    break;
                }

                if (status != System.Buffers.OperationStatus.Done || rune.Value == 0)
                {
                    return (offset + at, line, bytes[at]);
                }

                line += rune.Value == '\n' ? 1 : 0;
                at += used;
            }

            if (read == 0)
            {
                return (offset + at, line, 0);
            }

            kept = bytes.Length - at;
            bytes[at..].CopyTo(buffer);
            offset += at;
        }
    }
}
