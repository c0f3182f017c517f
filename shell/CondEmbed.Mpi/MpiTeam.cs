using System.Diagnostics;
using CondEmbed.Common;
using static TorchSharp.torch;

namespace CondEmbed.Mpi;

/// <summary>The processes that a launcher has started, over MPI. One for a process, on one thread at a time. Tensors of a GPU go by way of the host's memory.</summary>
public sealed unsafe class MpiTeam : Team, IDisposable
{
    private readonly MpiLibrary library;
    private readonly MpiSums sums;
    private Traffic traffic;
    private bool ended;

    private MpiTeam(MpiLibrary library)
    {
        this.library = library;
        library.Start();
        (Rank, Size) = (library.Rank(), library.Size());
        sums = new MpiSums(library, Size);
    }

    /// <inheritdoc />
    public int Rank { get; }

    /// <inheritdoc />
    public int Size { get; }

    /// <inheritdoc />
    public Traffic Traffic => new(traffic.Bytes + sums.Sent, traffic.Time + sums.Time);

    /// <summary>Sums that were there before anyone waited for them.</summary>
    internal int SumsWithoutWaiting => sums.WithoutWaiting;

    /// <summary>Joins the processes that were started together.</summary>
    /// <param name="launcher">What started them.</param>
    /// <exception cref="InputException">There is no MPI, or it is not that of the launcher.</exception>
    public static MpiTeam Open(Launcher launcher)
    {
        ArgumentNullException.ThrowIfNull(launcher);
        var library = MpiLibrary.Find(launcher)
            ?? throw new InputException($"{launcher.Name} started {launcher.Size} processes, and there is no MPI for them to train together: none of libmpi.so.40 (Open MPI), libmpi.so.12 (MPICH) and libmpi_abi.so was found. Install one, or let {MpiLibrary.Variable} name its file.");
        var team = new MpiTeam(library);

        if (team.Size != launcher.Size)
        {
            var problem = $"{launcher.Name} started {launcher.Size} processes, but {library.File} ({library.Abi.Name}) knows of {team.Size}. Start them with the mpirun of that MPI (or srun with its --mpi), or let {MpiLibrary.Variable} name the library of the MPI that started them.";
            team.Dispose();
            throw new InputException(problem);
        }

        return team;
    }

    /// <summary>The MPIs of this machine, each with its version and file, first the one that would be used; empty if there is none.</summary>
    /// <exception cref="InputException">The variable CONDEMBED_MPI names what is no MPI.</exception>
    public static string Describe() => string.Join("; ", MpiLibrary.All(Launcher.Current).Select(found => $"{found.Version} ({found.Abi.Name}, {found.File})"));

    /// <inheritdoc />
    public void BeginSum(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        sums.Begin(x);
    }

    /// <inheritdoc />
    public void AdvanceSums() => sums.Advance();

    /// <inheritdoc />
    public void EndSums() => sums.End();

    /// <inheritdoc />
    public Tensor Gather(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Moved(x, [Size * x.shape[0], .. x.shape[1..]], library.Gather, x.NumberOfElements * x.ElementSize, Size - 1);
    }

    /// <inheritdoc />
    public Tensor Exchange(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Moved(x, x.shape, library.Exchange, x.NumberOfElements * x.ElementSize / Size, Size - 1);
    }

    /// <inheritdoc />
    public void Spread(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var host = x.detach().cpu().contiguous().clone();
        var bytes = Demanded(x.NumberOfElements * x.ElementSize);
        var clock = Stopwatch.StartNew();
        fixed (byte* all = host.bytes)
            library.Spread(all, bytes);
        Count(clock, Rank == 0 ? bytes * (Size - 1L) : 0);
        x.copy_(host);
    }

    /// <summary>Ends all processes at once, as after a problem that only this one has.</summary>
    /// <param name="code">The exit code.</param>
    public void Abort(int code) => library.Abort(code);

    /// <summary>Leaves the others, once all are here.</summary>
    public void Dispose()
    {
        if (!ended)
        {
            ended = true;
            sums.End();
            library.Wait();
            library.End();
        }
    }

    private delegate void Move(byte* sent, byte* received, int bytes);

    private Tensor Moved(Tensor x, long[] shape, Move move, long length, int others)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var bytes = Demanded(length);
        var sent = x.detach().cpu().contiguous();
        var received = empty(shape, dtype: x.dtype, device: CPU);
        var clock = Stopwatch.StartNew();
        fixed (byte* from = sent.bytes, to = received.bytes)
            move(from, to, bytes);
        Count(clock, (long)bytes * others);
        return received.to(x.device).MoveToOuterDisposeScope();
    }

    private void Count(Stopwatch clock, long sent) => traffic = new(traffic.Bytes + sent, traffic.Time + clock.Elapsed);

    internal static int Demanded(long bytes) => bytes <= int.MaxValue
        ? (int)bytes
        : throw new InvalidOperationException($"{bytes} bytes are too many for one message between two processes, of at most {int.MaxValue}: use more processes or a smaller batch.");
}
