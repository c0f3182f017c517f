namespace global

open System
open System.Reflection
open System.Runtime.Loader

/// What the runtime calls before Main in programs that set CondEmbedStartupHook (see buildTransitive/CondEmbed.Torch.targets). The runtime looks for a type of this name
/// outside any namespace.
[<AbstractClass; Sealed>]
type internal StartupHook private () =
    /// From now on the runtime asks here when it cannot load TorchSharp's native library; until torch is used, that costs nothing.
    static member Initialize() : unit =
        let here = Assembly.GetExecutingAssembly()

        let context =
            AssemblyLoadContext.GetLoadContext here
            |> Option.ofObj
            |> Option.defaultValue AssemblyLoadContext.Default

        context.add_ResolvingUnmanagedDll (Func<_, _, _>(fun _ name -> CondEmbed.Torch.Native.resolve name))
