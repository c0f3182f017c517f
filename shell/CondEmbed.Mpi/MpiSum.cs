using TorchSharp;
using static TorchSharp.torch;

namespace CondEmbed.Mpi;

/// <summary>One sum under way. MPI reads and writes its tensors between calls, so that they belong to it alone.</summary>
internal sealed unsafe class MpiSum
{
    private readonly Tensor x;
    private readonly bool isInPlace;

    // In as many parts as there are processes: what this one has, and then the sums.
    private readonly Tensor own;

    // What all have for the part of this process; the first of them becomes their sum.
    private readonly Tensor parts;

    /// <summary>What MPI is doing for it.</summary>
    internal nint UnderWay;

    internal MpiSum(Tensor x, int size)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var missing = (size - (x.NumberOfElements % size)) % size;
        isInPlace = missing == 0 && x.device_type == DeviceType.CPU && x.is_contiguous();
        var flat = x.detach().reshape(-1).cpu();
        // A view of the same numbers, which lives as long as the sum.
        this.x = x.detach().DetachFromDisposeScope();
        own = (missing == 0 ? flat : cat([flat, flat.new_zeros(missing)])).DetachFromDisposeScope();
        parts = empty_like(own).DetachFromDisposeScope();
        Bytes = MpiTeam.Demanded(own.NumberOfElements * own.ElementSize / size);
    }

    /// <summary>The length of a part.</summary>
    internal int Bytes { get; }

    internal void Exchange(MpiLibrary library, nint among)
    {
        fixed (byte* from = own.bytes, to = parts.bytes)
            UnderWay = library.BeginExchange(from, to, Bytes, among);
    }

    internal void AddUp()
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var length = Bytes / own.ElementSize;
        var sum = parts.narrow(0, 0, length);

        for (var start = length; start < parts.NumberOfElements; start += length)
        {
            sum.add_(parts.narrow(0, start, length));
        }
    }

    internal void Gather(MpiLibrary library, nint among)
    {
        fixed (byte* from = parts.bytes, to = own.bytes)
            UnderWay = library.BeginGather(from, to, Bytes, among);
    }

    internal void End()
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();

        if (!isInPlace)
        {
            x.copy_(own.narrow(0, 0, x.NumberOfElements).reshape(x.shape));
        }

        x.Dispose();
        own.Dispose();
        parts.Dispose();
    }
}
