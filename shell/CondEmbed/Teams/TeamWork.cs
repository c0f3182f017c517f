using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CondEmbed.Common;
using CondEmbed.Interop;
using CondEmbed.Torch;

namespace CondEmbed.Teams;

/// <summary>What the processes of a run do together besides their steps. All of them have to call it, in the same order.</summary>
internal sealed class TeamWork
{
    private readonly Team team;

    /// <summary>With the processes of a team.</summary>
    internal TeamWork(Team team)
    {
        this.team = team;

        if (IsShared)
        {
            // What they send each other are tensors.
            Native.ensure();
        }
    }

    internal bool IsShared => team.Size > 1;

    /// <summary>Whether this process is the one that writes.</summary>
    internal bool IsFirst => team.Rank == 0;

    /// <summary>How many of a batch's images this process has, and which is its first.</summary>
    internal (int First, int Count) ShareOf(int images) => (images / team.Size * team.Rank, images / team.Size);

    /// <summary>Whether the batch can be shared out evenly.</summary>
    /// <exception cref="InputException">It cannot; with the numbers that would do.</exception>
    internal void DemandShares(int batch)
    {
        if (batch % team.Size != 0)
        {
            var sizes = Enumerable.Range(2, batch - 1).Where(size => batch % size == 0).ToArray();
            var near = sizes.OrderBy(size => Math.Abs(size - team.Size)).Take(3).Order();
            var below = batch / team.Size * team.Size;
            var batches = below > 0 ? $"{below} or {below + team.Size}" : $"{team.Size}";
            throw new InputException($"batch: {batch} images cannot be shared out evenly among {team.Size} processes. Start {string.Join(" or ", near)} processes, or give a batch of {batches}.");
        }
    }

    /// <summary>Whether any process says so.</summary>
    internal bool Any(bool mine) => IsShared ? Gathered([mine ? (byte)1 : (byte)0]).Contains((byte)1) : mine;

    /// <summary>What every process has, of one length, in their order.</summary>
    internal byte[] Gathered(byte[] own) => TeamBytes.Gather(team, own);

    /// <summary>What the first process makes of it; the others only wait.</summary>
    internal T OfFirst<T>(Func<T> make)
    {
        if (!IsShared)
        {
            return make();
        }

        var made = IsFirst ? JsonSerializer.SerializeToUtf8Bytes(make()) : [];
        return JsonSerializer.Deserialize<T>(TeamBytes.Spread(team, made))!;
    }

    /// <summary>Done by the first process, then by the others, which find what it left.</summary>
    internal T InTurn<T>(Func<T> make)
    {
        var made = IsFirst ? make() : default;
        TeamBytes.Wait(team);
        return IsFirst ? made! : make();
    }

    /// <summary>Work of the first process alone, that a cancellation may end. The others wait, and are cancelled with it.</summary>
    /// <param name="stop">What cancels it.</param>
    /// <param name="work">The work.</param>
    internal T First<T>(CancellationTokenSource stop, Func<T> work)
        where T : class
    {
        if (!IsShared)
        {
            return work();
        }

        T? made = null;
        var stopped = false;

        if (IsFirst)
        {
            try
            {
                made = work();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                stopped = true;
            }
        }

        if (Any(stopped))
        {
            stop.Cancel();
            stop.Token.ThrowIfCancellationRequested();
        }

        return made!;
    }

    /// <summary>Checks that all processes have the same.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="value">What this process has.</param>
    /// <exception cref="InputException">One has another; thrown by all.</exception>
    internal void DemandAlike(string what, string value)
    {
        var sums = Gathered(SHA256.HashData(Encoding.UTF8.GetBytes(value))).Chunk(SHA256.HashSizeInBytes).ToArray();
        var others = Enumerable.Range(0, sums.Length).Where(rank => !sums[rank].SequenceEqual(sums[0])).ToArray();

        if (others.Length > 0)
        {
            throw new InputException($"{(others.Length == 1 ? "process" : "processes")} {string.Join(", ", others)} of {team.Size}: {what} are not those of process 0. Give all processes the same, at the same paths on every machine.");
        }
    }
}
