using CondEmbed.Torch;

namespace CondEmbed.Teams;

/// <summary>What the processes of a run do together besides their steps. All of them have to call it, in the same order.</summary>
internal sealed class TeamWork
{
    // Of a difference that is told, in bytes.
    private const int Longest = 1000;

    private readonly Team team;
    private readonly CancellationTokenSource? stop;

    /// <summary>With the processes of a team.</summary>
    /// <param name="team">The processes.</param>
    /// <param name="stop">What stops this one, and is made to stop with any other.</param>
    internal TeamWork(Team team, CancellationTokenSource? stop = null)
    {
        (this.team, this.stop) = (team, stop);

        if (IsShared)
        {
            // What they send each other are tensors.
            Native.ensure();
        }
    }

    /// <summary>So many numbers of rows that are shared out are on their way at a time.</summary>
    internal int Piece { get; init; } = 1 << 24;

    internal bool IsShared => team.Size > 1;

    /// <summary>Whether this process is the one that writes.</summary>
    internal bool IsFirst => team.Rank == 0;

    /// <summary>What this process has exchanged with the others so far.</summary>
    internal Traffic Traffic => team.Traffic;

    /// <summary>How many of some images this process has, and which is its first: shares in succession, in the order of the processes, that differ by one image at most.</summary>
    internal (int First, int Count) ShareOf(int images) => ShareOf(images, team.Rank);

    /// <summary>Whether the batch can be shared out evenly.</summary>
    /// <param name="batch">Its images.</param>
    /// <param name="group">The sampler makes batches of multiples of so many images.</param>
    /// <exception cref="InputException">It cannot; with the numbers that would do.</exception>
    internal void DemandShares(int batch, int group)
    {
        if (batch % team.Size != 0)
        {
            var sizes = Enumerable.Range(2, batch - 1).Where(size => batch % size == 0).ToArray();
            var near = sizes.OrderBy(size => Math.Abs(size - team.Size)).Take(3).Order();
            var both = group / (int)BigInteger.GreatestCommonDivisor(group, team.Size) * team.Size;
            var below = batch / both * both;
            var batches = below > 0 ? $"{below} or {below + both}" : $"{both}";
            throw new InputException($"batch: {batch} images cannot be shared out evenly among {team.Size} processes. Start {string.Join(" or ", near)} processes, or give a batch of {batches}.");
        }
    }

    /// <summary>Whether any process says so.</summary>
    internal bool Any(bool mine) => IsShared ? Gathered([mine ? (byte)1 : (byte)0]).Contains((byte)1) : mine;

    /// <summary>What every process has, of one length, in their order.</summary>
    internal byte[] Gathered(byte[] own) => TeamBytes.Gather(team, own);

    /// <summary>Numbers of every process, as many of each, process by process.</summary>
    internal double[][] Gathered(params double[] own) =>
        [.. MemoryMarshal.Cast<byte, double>(Gathered(MemoryMarshal.AsBytes<double>(own).ToArray()).AsSpan()).ToArray().Chunk(own.Length)];

    /// <summary>Fills rows of numbers: each process those of its share, and then all have all.</summary>
    /// <param name="rows">N D, empty.</param>
    /// <param name="count">N; fewer than there are processes leave some without a share.</param>
    /// <param name="fill">Fills so many rows from the first one on.</param>
    /// <exception cref="OperationCanceledException">A process was cancelled, and so all are.</exception>
    internal void ShareOut(float[] rows, int count, Action<int, int> fill)
    {
        var (first, own) = ShareOf(count);

        Agreed(() =>
        {
            if (own > 0)
            {
                fill(first, own);
            }
        });

        var width = count > 0 ? rows.Length / count : 0;
        var most = (count + team.Size - 1) / team.Size;
        var atOnce = Math.Clamp(Piece / Math.Max(1, width) / team.Size, 1, Math.Max(1, most));

        for (var start = 0; start < most; start += atOnce)
        {
            // Of one length, whether or not there are as many.
            var sent = new byte[atOnce * width * sizeof(float)];
            MemoryMarshal.AsBytes(Rows(team.Rank, start)).CopyTo(sent);
            var all = Gathered(sent);

            for (var rank = 0; rank < team.Size; rank++)
            {
                var place = MemoryMarshal.AsBytes(Rows(rank, start));
                all.AsSpan(rank * sent.Length, place.Length).CopyTo(place);
            }
        }

        Span<float> Rows(int rank, int start)
        {
            var (from, length) = ShareOf(count, rank);
            return rows.AsSpan((from + Math.Min(start, length)) * width, Math.Clamp(length - start, 0, atOnce) * width);
        }
    }

    /// <summary>What the first process makes of it; the others only wait.</summary>
    internal T OfFirst<T>(Func<T> make)
    {
        if (!IsShared)
        {
            return make();
        }

        var made = IsFirst ? JsonSerializer.SerializeToUtf8Bytes(make(), JsonStyle.Line) : [];
        return JsonSerializer.Deserialize<T>(TeamBytes.Spread(team, made), JsonStyle.Line)!;
    }

    /// <summary>Done by the first process, then by the others, which find what it left.</summary>
    internal T InTurn<T>(Func<T> make)
    {
        var made = IsFirst ? make() : default;
        TeamBytes.Wait(team);
        return IsFirst ? made! : make();
    }

    /// <summary>Work of the first process alone, that a cancellation may end; null for the others, which wait, and are cancelled with it.</summary>
    internal T? First<T>(Func<T> work)
        where T : class
    {
        T? made = null;
        Agreed(() => made = IsFirst ? work() : null);
        return made;
    }

    /// <summary>Checks that all processes have the same.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="lines">What this process has. Sums of it are compared; the lines themselves only where these differ.</param>
    /// <exception cref="InputException">One has another; thrown by all.</exception>
    internal void DemandAlike(string what, IEnumerable<string> lines)
    {
        if (!IsShared)
        {
            return;
        }

        string[] own = [.. lines];
        var sums = Gathered(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', own)))).Chunk(SHA256.HashSizeInBytes).ToArray();
        var others = Enumerable.Range(0, sums.Length).Where(rank => !sums[rank].SequenceEqual(sums[0])).ToArray();

        if (others.Length == 0)
        {
            return;
        }

        var difference = Encoding.UTF8.GetBytes(Difference(own, OfFirst(() => own)));
        Array.Resize(ref difference, Longest);
        var first = Encoding.UTF8.GetString(Gathered(difference).AsSpan(others[0] * Longest, Longest)).TrimEnd('\0');
        var who = others.Length == 1 ? $"process {others[0]}" : $"processes {string.Join(", ", others)}";
        throw new InputException($"{who} of {team.Size}: {what} are not those of process 0; process {others[0]} has {first}. Give all processes the same, at the same paths on every machine.");
    }

    private static string Difference(string[] own, string[] expected)
    {
        var at = own.Zip(expected).TakeWhile(pair => pair.First == pair.Second).Count();
        string Line(string[] lines) => at < lines.Length ? $"\"{lines[at].Replace('\t', ' ').Trim()}\"" : "nothing";
        return $"{Line(own)} instead of {Line(expected)}";
    }

    private (int First, int Count) ShareOf(int images, int rank)
    {
        int Start(int rank) => (int)((long)images * rank / team.Size);
        return (Start(rank), Start(rank + 1) - Start(rank));
    }

    /// <summary>Work that a cancellation of any process may end: then all are cancelled.</summary>
    private void Agreed(Action work)
    {
        if (!IsShared)
        {
            work();
            return;
        }

        var stopped = false;

        try
        {
            work();
        }
        catch (OperationCanceledException) when (stop is { IsCancellationRequested: true })
        {
            stopped = true;
        }

        if (Any(stopped))
        {
            stop?.Cancel();
            throw new OperationCanceledException(stop?.Token ?? default);
        }
    }
}
