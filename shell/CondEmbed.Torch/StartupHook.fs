namespace global

/// What the runtime calls before Main in programs that set CondEmbedStartupHook (see buildTransitive/CondEmbed.Torch.targets). The runtime looks for a type of this name
/// outside any namespace.
[<AbstractClass; Sealed>]
type internal StartupHook private () =
    static member Initialize() : unit = CondEmbed.Torch.Native.answerRuntime ()
