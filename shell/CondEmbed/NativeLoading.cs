using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace CondEmbed;

/// <summary>
/// Makes libtorch loadable on systems whose libstdc++ is too old for TorchSharp (see <see cref="Native"/>), also for an application that
/// calls torch itself.
/// </summary>
/// <remarks>
/// From the moment that any type of this library is first used, the runtime asks here when it cannot load TorchSharp's native library;
/// until torch is used that costs nothing. An application that calls torch before it uses any type of this library has to call
/// <see cref="Ensure"/> first, since .NET runs no code of an assembly that nothing has touched yet.
/// </remarks>
public static class NativeLoading
{
    /// <summary>Loads torch's native libraries now.</summary>
    /// <exception cref="InputException">A library is missing or does not fit; the message says which, and how to mend it.</exception>
    public static void Ensure() => Native.ensure();

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing else runs before a caller's own first call of torch.")]
    internal static void AnswerTheRuntime() =>
        (AssemblyLoadContext.GetLoadContext(typeof(NativeLoading).Assembly) ?? AssemblyLoadContext.Default).ResolvingUnmanagedDll +=
            static (_, name) => Native.resolve(name);
}
