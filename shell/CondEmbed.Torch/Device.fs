/// Chooses the device that a run computes on.
module CondEmbed.Torch.Device

open System
open CondEmbed
open TorchSharp
open CondEmbed.Common

let private known () = Native.devices () |> String.concat ", "

let private card (text: string) =
    match text.StartsWith("cuda:", StringComparison.Ordinal), Int32.TryParse(text.AsSpan(min 5 text.Length)) with
    | true, (true, index) when index >= 0 -> Some index
    | _ -> None

/// Why no machine has a device of that name; null if one may.
let problem (name: string) : string =
    match name.Trim().ToLowerInvariant() with
    | "auto"
    | "cpu"
    | "cuda" -> null
    | other when (card other).IsSome -> null
    | _ -> $"'{name}' is not a device; choose auto, cpu, cuda or cuda:N"

/// Of a machine's GPUs that of a process, by its number there: one each, if there are enough.
let ofProcess (cards: string array) (localRank: int) = if cards.Length = 0 then None else Some cards[localRank % cards.Length]

/// The device of the given name: `auto` (a CUDA device if there is one, else the CPU), `cpu`, `cuda` or `cuda:N`. A CUDA device without a number is the first, or for each of several
/// processes that were started together one of its own. An InputException says what there is if the name is unknown or the device is missing.
let choose (name: string) : torch.Device =
    let devices = Native.devices ()
    let localRank = Launcher.Current |> Option.ofObj |> Option.fold (fun _ launcher -> launcher.LocalRank) 0
    let first = ofProcess (devices |> Array.filter _.StartsWith("cuda")) localRank

    let take device =
        match device with
        | Some device when Array.contains device devices -> torch.device device
        | _ ->
            raise (
                InputException
                    $"This machine has no device '{name}', only {known ()}. Choose one of these or 'auto'. \
                      For CUDA, build with -p:CondEmbedTorch=cuda-linux (or cuda-windows), \
                      or let {NativeFiles.Variable} name a folder with a CUDA build of libtorch {NativeFiles.Wanted}."
            )

    match name.Trim().ToLowerInvariant() with
    | "auto" -> take (Some(defaultArg first "cpu"))
    | "cpu" -> take (Some "cpu")
    | "cuda" -> take first
    | other ->
        match card other with
        | Some index -> take (Some $"cuda:{index}")
        | None -> raise (InputException $"{problem name}. This machine has {known ()}.")
