/// Every setting of every loss, miner and reducer does something: with another number or another part something else comes out.
module CondEmbed.Tests.SettingTests

open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private labels = [ 0; 0; 0; 1; 1; 2; 2; 2; 3; 3; 4 ]

/// Spread widely, in two near heaps, and of other lengths.
let private batches =
    let heaps noise seed heapOf () : Tensor =
        noise * normal seed [ labels.Length; 5 ]
        + matrixOf [ for label in labels -> [ for place in 0..4 -> if place = heapOf label then 1.0 else 0.1 ] ]

    [ heaps 3.0 1 id; heaps 2.0 2 id; heaps 0.4 4 id; heaps 0.7 5 (fun label -> label % 3) ]

/// What makes a setting count, where it does so only beside another one.
let private beside =
    Map
        [ ("pnp", "b"), [ "variant", "ib" ]
          ("margin", "per_class"), [ "nu", "1" ]
          ("hard", "distance"), [ "margin", "-0.3" ] ]

let private others (setting: Setting) : string list =
    let parts =
        match setting.Key with
        | "miner" -> Part.names Miners.all
        | "reducer" -> Part.names Reducers.all
        | "distance" -> Part.names Distances.all
        | "score" -> Part.names Scores.all
        | "regulariser" -> Part.names Regularisers.all
        | "variant" -> [ "dq"; "ds"; "iu"; "ib"; "o" ]
        | _ -> []

    match setting.Default with
    | Named own ->
        [ for name in parts do
              if name <> own.Name then name ]
    | Number own ->
        let candidates =
            match setting.Range with
            | OnOff -> [ 1.0 - own ]
            | Whole -> [ 1.0; 2.0; 3.0; 7.0; 40.0 ]
            | Share -> [ 0.0; 0.3; 0.9; 1.0 ]
            | AboveZero -> [ own / 2.0; own * 1.5; 0.3; 3.0 ]
            | AnyNumber -> [ own / 2.0; own * 1.5; -0.3; 0.3; 0.9; own + 1.0 ]

        [ for number in candidates do
              if number <> own then string (Number number) ]

let private write name (settings: (string * string) list) =
    if settings.IsEmpty then
        name
    else
        name + "(" + String.concat ", " [ for key, value in settings -> $"{key}={value}" ] + ")"

/// Value, shapes of the parameters, and gradients of a loss; draws are the same each time.
let private ofLoss text : string =
    let layer = All.ofText text 5 5 |> Loss.onEmbeddings

    [ for batch in batches do
          scoped (fun () ->
              torch.manual_seed 1L |> ignore

              let leaves =
                  ("embeddings", (batch ()).requires_grad_ true)
                  :: [ for name, leaf in Params.toSeq (started layer.Specs) -> name, leaf.requires_grad_ true ]

              let env = { Params = Params.ofSeq leaves; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }
              let value = layer.Forward env (snd leaves.Head, labelsOf labels)

              [ $"{toFloat value:R}"
                for name, gradient in Grad.gradientsOrZero value leaves do
                    $"{name} {shapeText gradient.shape} {toFloat (gradient.abs().sum()):R}" ]) ]
    |> List.concat
    |> String.concat "; "

/// The pairs or triplets that a miner finds.
let private ofMiner text : string =
    let call =
        match Expression.readValue text with
        | Ok(Named call) -> call
        | other -> failtest $"{other}"

    [ for batch in batches do
          scoped (fun () ->
              torch.manual_seed 1L |> ignore
              let pairs = Mining.all (labelsOf labels)
              let mined = Part.make "miner" Miners.all 5 5 call pairs (Similarity.cosine (batch ()))
              let found = Mining.asPairs pairs mined
              let triplets = Mining.asTriplets mined

              [ for x in [ found.Positive; found.Negative; triplets.Anchor; triplets.Positive; triplets.Negative ] ->
                    numbers x |> Array.map string |> String.concat " " ]) ]
    |> List.concat
    |> String.concat "; "

let private everySetting kind (parts: (string * Setting list) list) (resultOf: string -> string) =
    [ for name, settings in parts do
          for setting in settings do
              testCase $"{kind} {name}: {setting.Key}" (fun () ->
                  Native.ensure ()
                  let regularised = if setting.Key = "regulariser" then [ "regularisation", "0.5" ] else []
                  let given = Map.tryFind (name, setting.Key) beside |> Option.defaultValue regularised
                  let usual = resultOf (write name given)
                  Expect.equal (resultOf (write name given)) usual "the same twice"
                  let changes value = resultOf (write name ((setting.Key, value) :: given)) <> usual

                  Expect.isTrue
                      (others setting |> List.exists changes)
                      $"""one of {String.concat ", " (others setting)} gives something else""") ]

let private settingsOf (parts: Part<'T> list) = [ for part in parts -> part.Name, part.Settings ]

let private reducers =
    [ for part in Reducers.all do
          for setting in part.Settings do
              testCase $"reducer {part.Name}: {setting.Key}" (fun () ->
                  Native.ensure ()
                  let loss value = ofLoss $"contrastive(reducer={write part.Name value})"

                  Expect.isTrue
                      (others setting |> List.exists (fun value -> loss [ setting.Key, value ] <> loss []))
                      "gives something else") ]

let private hardMargin =
    tensorTest "the margin of the miner hard counts below 0, as pytorch-metric-learning's does" (fun () ->
        let s = Similarity.cosine ((batches[0]) ())
        let pairs = Mining.all (labelsOf labels)

        let gaps margin =
            let t = Mining.asTriplets (Mining.OfCompared(Miners.tripletMargin Distances.l2 Miners.Hard margin pairs s))
            let d = Distances.l2 s
            numbers (Mining.at t.Anchor t.Negative d - Mining.at t.Anchor t.Positive d) |> List.ofArray

        let all = gaps 0.0
        Expect.isNonEmpty all "hard triplets"
        Expect.equal (gaps 0.2) all "above 0 it counts as 0"
        let harder = gaps -0.3
        Expect.isNonEmpty harder "harder ones"
        Expect.equal harder (all |> List.filter (fun gap -> gap <= -0.3)) "by so much")

let tests =
    testList
        "Setting"
        [ yield! everySetting "loss" (settingsOf All.all) ofLoss
          yield! everySetting "miner" (settingsOf Miners.all) ofMiner
          yield! reducers
          hardMargin ]
