namespace CondEmbed.Common;

/// <summary>
/// Unicode's normal form C (UAX 15) from its own tables: programs run without the system's Unicode library (invariant globalisation), and there
/// <see cref="string.Normalize()"/> changes nothing.
/// </summary>
internal static class NormalForm
{
    // No character below composes with one before it.
    private const char FirstMark = '\u0300';

    // Hangul syllables are made of two or three letters by arithmetic (The Unicode Standard, 3.12).
    private const int Syllable = 0xAC00, Lead = 0x1100, Vowel = 0x1161, Tail = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28;

    private static readonly Lazy<Tables> Known = new(Tables.Read);

    /// <summary>The text with every letter and its accents composed as far as they can be.</summary>
    /// <exception cref="ArgumentException">It contains half a surrogate pair.</exception>
    internal static string Composed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstMark, char.MaxValue))
        {
            return text;
        }

        var letters = new List<int>(text.Length);
        for (var at = 0; at < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, at, out var rune))
            {
                throw new ArgumentException("half a surrogate pair", nameof(text));
            }

            Decompose(rune.Value, letters);
            at += rune.Utf16SequenceLength;
        }

        Reorder(letters);
        return string.Concat(Compose(letters).Select(char.ConvertFromUtf32));
    }

    private static void Decompose(int letter, List<int> into)
    {
        var place = letter - Syllable;
        if (place is >= 0 and < Leads * Vowels * Tails)
        {
            into.Add(Lead + (place / (Vowels * Tails)));
            into.Add(Vowel + (place / Tails % Vowels));
            if (place % Tails > 0)
            {
                into.Add(Tail + (place % Tails));
            }
        }
        else if (Known.Value.Decomposed.TryGetValue(letter, out var parts))
        {
            foreach (var part in parts)
            {
                Decompose(part, into);
            }
        }
        else
        {
            into.Add(letter);
        }
    }

    // The marks of a letter are sorted by their classes; marks of the same class keep their order.
    private static void Reorder(List<int> letters)
    {
        for (var at = 1; at < letters.Count; at++)
        {
            for (var back = at; back > 0 && Class(letters[back]) is > 0 and var own && Class(letters[back - 1]) > own; back--)
            {
                (letters[back], letters[back - 1]) = (letters[back - 1], letters[back]);
            }
        }
    }

    private static List<int> Compose(List<int> letters)
    {
        var composed = new List<int>(letters.Count);
        var (starter, before) = (-1, 0);
        foreach (var letter in letters)
        {
            var own = Class(letter);
            var isNext = starter == composed.Count - 1;
            if (starter >= 0 && (isNext || (before < own && before > 0)) && Pair(composed[starter], letter) is { } both)
            {
                composed[starter] = both;
                continue;
            }

            if (own == 0)
            {
                starter = composed.Count;
            }

            before = own;
            composed.Add(letter);
        }

        return composed;
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= Lead and < Lead + Leads && second is >= Vowel and < Vowel + Vowels)
        {
            return Syllable + (((first - Lead) * Vowels + second - Vowel) * Tails);
        }

        var place = first - Syllable;
        if (place is >= 0 and < Leads * Vowels * Tails && place % Tails == 0 && second is > Tail and < Tail + Tails)
        {
            return first + second - Tail;
        }

        return Known.Value.Pairs.TryGetValue((first, second), out var both) ? both : null;
    }

    private static int Class(int letter) => letter < FirstMark ? 0 : Known.Value.Classes.GetValueOrDefault(letter);

    private sealed record Tables(Dictionary<int, int[]> Decomposed, Dictionary<(int First, int Second), int> Pairs, Dictionary<int, int> Classes)
    {
        internal static Tables Read()
        {
            var tables = new Tables([], [], []);
            using var reader = new StreamReader(typeof(NormalForm).Assembly.GetManifestResourceStream("normal-form.txt")!);
            while (reader.ReadLine() is { } line)
            {
                tables.Add(line);
            }

            return tables;
        }

        private void Add(string line)
        {
            if (line.IndexOfAny(['=', '~']) is > 0 and var sign && line[0] != '#')
            {
                int[] parts = [.. line[(sign + 1)..].Split(' ').Select(Number)];
                var letter = Number(line[..sign]);
                Decomposed.Add(letter, parts);
                if (line[sign] == '=')
                {
                    Pairs.Add((parts[0], parts[1]), letter);
                }
            }
            else if (line.Split('-', ':') is [var first, var last, var kind] && line[0] != '#')
            {
                for (var letter = Number(first); letter <= Number(last); letter++)
                {
                    Classes.Add(letter, int.Parse(kind, CultureInfo.InvariantCulture));
                }
            }
        }

        private static int Number(string hexadecimal) => int.Parse(hexadecimal, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
