using System.Diagnostics;
using static TorchSharp.torch;

namespace CondEmbed.Mpi;

/// <summary>Sums under way, in the order in which they began, which is that of all processes. Each process first gets what all have for its part of the numbers and adds it up in the order of the
/// processes; then all gather the sums. Both kinds of messages go among processes of their own, so that it does not matter what else a process exchanges meanwhile, or when it comes to the second kind.</summary>
internal sealed class MpiSums
{
    private readonly MpiLibrary library;
    private readonly int size;
    private readonly nint exchanging;
    private readonly nint gathering;
    private readonly Queue<MpiSum> first = new();
    private readonly Queue<MpiSum> second = new();
    private readonly Stopwatch clock = new();

    /// <summary>Of all processes, which make it together.</summary>
    internal MpiSums(MpiLibrary library, int size)
    {
        (this.library, this.size) = (library, size);
        (exchanging, gathering) = (library.Others(), library.Others());
    }

    /// <summary>What this process has sent to others, in bytes.</summary>
    internal long Sent { get; private set; }

    /// <summary>The time that MPI took, of waiting and of moving messages; what it moves on its own meanwhile is not in it.</summary>
    internal TimeSpan Time => clock.Elapsed;

    /// <summary>Sums that were there before anyone waited for them.</summary>
    internal int WithoutWaiting { get; private set; }

    internal void Begin(Tensor x)
    {
        var sum = new MpiSum(x, size);
        clock.Start();
        sum.Exchange(library, exchanging);
        clock.Stop();
        Sent += 2L * sum.Bytes * (size - 1);
        first.Enqueue(sum);
    }

    internal void Advance()
    {
        while (IsDone(first))
        {
            Gather();
        }

        while (IsDone(second))
        {
            second.Dequeue().End();
            WithoutWaiting++;
        }
    }

    internal void End()
    {
        while (first.Count > 0)
        {
            Wait(first);
            Gather();
        }

        while (second.Count > 0)
        {
            Wait(second);
            second.Dequeue().End();
        }
    }

    private void Gather()
    {
        var sum = first.Dequeue();
        sum.AddUp();
        clock.Start();
        sum.Gather(library, gathering);
        clock.Stop();
        second.Enqueue(sum);
    }

    private bool IsDone(Queue<MpiSum> sums)
    {
        if (sums.Count == 0)
        {
            return false;
        }

        clock.Start();
        var isDone = library.IsDone(ref sums.Peek().UnderWay);
        clock.Stop();
        return isDone;
    }

    private void Wait(Queue<MpiSum> sums)
    {
        clock.Start();
        library.Finish(ref sums.Peek().UnderWay);
        clock.Stop();
    }
}
