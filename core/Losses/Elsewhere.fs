/// Losses under pytorch-metric-learning's names: with its defaults, its arguments, and what it has that is not here.
module internal CondEmbed.Losses.Elsewhere

open System
open CondEmbed

/// What one of its arguments is here.
type private Meaning =
    /// A setting, which takes the value as it is; True and False are 1 and 0.
    | Same of ours: string
    /// Settings that the value makes, in words and as they are; or why it is not understood.
    | Made of words: string * settings: (Value -> Result<(string * Value) list, string>)
    /// Nothing to give, since the run knows it.
    | Known of why: string

let private same keys = [ for key in keys -> key, Same key ]
let private renamed pairs = [ for theirs, ours in pairs -> theirs, Same ours ]

let private margins = renamed [ "pos_margin", "positive_margin"; "neg_margin", "negative_margin" ]

/// The losses with proxies are given sizes.
let private proxies =
    [ "num_classes", Known "comes from the data: leave it out"
      "embedding_size", Known "is that of the network (the setting embedding): leave it out" ]

let private perAnchor =
    let settings value =
        match value with
        | Named { Name = "all" } -> Ok []
        | Number _ -> Ok [ "miner", Named { Name = "random"; Given = Map [ "triplets_per_anchor", value ] } ]
        | _ -> Error $"is {value}; it must be all, or a number"

    "triplets_per_anchor", Made("`miner=random(triplets_per_anchor=...)`", settings)

/// A number of bins from their width.
let private delta =
    let settings value =
        match value with
        | Number width when width > 0.0 && width <= 2.0 -> Ok [ "bins", Number(Math.Round(2.0 / width)) ]
        | _ -> Error $"is {value}; it must be a number above 0, at most 2"

    "delta", Made("`bins=2/delta`", settings)

/// Whether each class learns a bound of its own.
let private ownBeta =
    let settings value =
        match value with
        | Named { Name = "None" } -> Ok []
        | _ -> Ok [ "per_class", Number 1.0 ]

    "num_classes", Made("`per_class=1`", settings)

/// Where alpha is not given, it follows the margin.
let private rankedMargin =
    let settings value =
        match value with
        | Number margin -> Ok [ "margin", value; "alpha", Number(1.0 + margin / 2.0) ]
        | other -> Ok [ "margin", other ]

    "margin", Made("`margin`, and `alpha=1+margin/2` unless that is given", settings)

let private variant =
    let settings value =
        match value with
        | Named call -> Ok [ "variant", Named { call with Name = call.Name.ToLowerInvariant() } ]
        | other -> Ok [ "variant", other ]

    "variant", Made("`variant`, in small letters", settings)

/// Its name, our call with its defaults, and its arguments.
let private table =
    [ "AngularLoss", "angular", renamed [ "alpha", "angle" ]
      "ArcFaceLoss", "arcface", proxies @ same [ "margin"; "scale" ]
      "CircleLoss", "circle", renamed [ "m", "margin" ] @ same [ "gamma" ]
      "ContrastiveLoss", "contrastive", margins
      "CosFaceLoss", "cosface", proxies @ same [ "margin"; "scale" ]
      "FastAPLoss", "fast-ap", renamed [ "num_bins", "bins" ]
      "GeneralizedLiftedStructureLoss", "lifted-structure", margins
      "HistogramLoss", "histogram", renamed [ "n_bins", "bins" ] @ [ delta ]
      "IntraPairVarianceLoss", "intra-pair-variance", renamed [ "pos_eps", "positive_slack"; "neg_eps", "negative_slack" ]
      "LiftedStructureLoss", "lifted-structure-original", margins
      "MarginLoss", "margin(miner=all, learn_beta=0)", same [ "margin"; "nu"; "beta"; "learn_beta" ] @ [ perAnchor; ownBeta ]
      "MultiSimilarityLoss", "multi-similarity(beta=50, margin=-1)", same [ "alpha"; "beta"; "base" ]
      "NCALoss", "nca", renamed [ "softmax_scale", "scale" ]
      "NPairsLoss", "n-pairs", []
      "NTXentLoss", "nt-xent", same [ "temperature" ]
      "NormalizedSoftmaxLoss", "normalised-softmax", proxies @ same [ "temperature" ]
      "PNPLoss", "pnp(variant=o)", renamed [ "alpha", "a"; "anneal", "temperature" ] @ same [ "b" ] @ [ variant ]
      "ProxyAnchorLoss", "proxy-anchor", proxies @ same [ "margin"; "alpha" ]
      "ProxyNCALoss", "proxy-nca", proxies @ renamed [ "softmax_scale", "scale" ]
      "RankedListLoss", "ranked-list", rankedMargin :: renamed [ "Tn", "tn"; "Tp", "tp" ] @ same [ "imbalance"; "alpha" ]
      "SignalToNoiseRatioContrastiveLoss", "signal-to-noise", margins
      "SmoothAPLoss", "smooth-ap(count_query=1)", same [ "temperature" ]
      "SoftTripleLoss", "soft-triple", proxies @ renamed [ "centers_per_class", "centres"; "la", "lambda" ] @ same [ "gamma"; "margin" ]
      "SphereFaceLoss", "sphereface", proxies @ same [ "margin"; "scale" ]
      "SubCenterArcFaceLoss", "sub-centre-arcface", proxies @ renamed [ "sub_centers", "centres" ] @ same [ "margin"; "scale" ]
      "SupConLoss", "supcon", same [ "temperature" ]
      "TripletMarginLoss", "triplet(margin=0.05)", same [ "margin"; "swap" ] @ renamed [ "smooth_loss", "soft" ] @ [ perAnchor ]
      "TupletMarginLoss", "tuplet-margin", same [ "margin"; "scale" ] ]

type private Theirs = { Ours: Call; Arguments: (string * Meaning) list }

let private byName =
    let ours text =
        match Expression.readValue text with
        | Ok(Named call) -> call
        | _ -> invalidOp $"'{text}' is no call."

    Map [ for name, text, arguments in table -> name, { Ours = ours text; Arguments = arguments } ]

let private argument name key =
    Map.tryFind name byName
    |> Option.bind (fun theirs -> theirs.Arguments |> List.tryFind (fun (argument, _) -> argument = key))
    |> Option.map snd

/// The name that a loss has here; the same for one that is not of that library.
let oursOf name = Map.tryFind name byName |> Option.map _.Ours.Name |> Option.defaultValue name

/// The settings in which that library's defaults differ from ours.
let defaults name = Map.tryFind name byName |> Option.map _.Ours.Given |> Option.defaultValue Map.empty

/// Whether a setting is an argument of it.
let takes name key = (argument name key).IsSome

let private asNumber value =
    match value with
    | Named { Name = "True" } -> Number 1.0
    | Named { Name = "False" } -> Number 0.0
    | other -> other

/// A miner under our name, where it is given under that library's.
let private withMiner key (value: Value) =
    match key, value with
    | "miner", Named call -> MinersElsewhere.ours call |> Result.map Named |> Result.defaultValue value
    | _ -> value

/// The settings that a call was given, each as it was written, under our key, and with its value. What one argument says by itself comes after what others imply.
let given name (settings: Map<string, Value>) : (string * string * Value) list =
    let made =
        [ for KeyValue(key, value) in settings do
              match argument name key with
              | Some(Made(_, settings)) ->
                  for ours, value in settings value |> Result.defaultValue [] do
                      key, ours, value
              | _ -> () ]

    let taken =
        [ for KeyValue(key, value) in settings do
              match argument name key with
              | Some(Same ours) -> key, ours, asNumber value
              | None -> key, key, withMiner key value
              | Some(Made _)
              | Some(Known _) -> () ]

    made @ taken

/// What is wrong with arguments before they become settings.
let problems name (settings: Map<string, Value>) : string list =
    [ for KeyValue(key, value) in settings do
          match argument name key with
          | Some(Known why) -> $"the loss '{name}': {key} {why}"
          | Some(Made(_, settings)) ->
              match settings value with
              | Error why -> $"the loss '{name}': {key} {why}"
              | Ok _ -> ()
          | _ ->
              match key, value with
              | "miner", Named call ->
                  match MinersElsewhere.ours call with
                  | Error wrong -> yield! wrong
                  | Ok _ -> ()
              | _ -> () ]

/// What a loss may be given under its name, of the settings that it has here: that library's arguments, and those settings that none of them stands for.
let keys name (ours: string list) =
    match Map.tryFind name byName with
    | None -> ours
    | Some theirs ->
        let own =
            [ for key, meaning in theirs.Arguments do
                  if not meaning.IsKnown then key ]

        let meant =
            [ for _, meaning in theirs.Arguments do
                  match meaning with
                  | Same ours -> ours
                  | _ -> () ]

        own @ List.except (own @ meant) ours

let private supervised = "each image a class of its own in several views (per_class = 2), and"

/// What to take for a loss of that library which is not here.
let private others =
    Map
        [ "CentroidTripletLoss", "the nearest is 'triplet'"
          "CrossBatchMemory", "the run has the settings memory, memory_start and memory_weight for any loss"
          "DynamicSoftMarginLoss", "the nearest is 'triplet(soft=1)'"
          "InstanceLoss", "the nearest is 'normalised-softmax'"
          "LargeMarginSoftmaxLoss", "the nearest is 'sphereface'"
          "ManifoldLoss", "the nearest is 'proxy-anchor'"
          "MultipleLosses", "write the sum, as in 'triplet + 0.5 * proxy-anchor'"
          "P2SGradLoss", "the nearest is 'cosface'"
          "SelfSupervisedLoss", $"take {supervised} the loss itself"
          "ThresholdConsistentMarginLoss", "the nearest is 'contrastive-cosine'"
          "VICRegLoss", $"the nearest is {supervised} 'nt-xent'" ]

/// What to say of a text that cannot be read since it begins as that library wraps a loss in another one, such as `CrossBatchMemory(ContrastiveLoss(), 64)`.
let wrapper (text: string) =
    let before = text.Split('(') |> Array.head
    let name = before.Split('.') |> Array.last |> _.Trim()
    Map.tryFind name others |> Option.map (MinersElsewhere.refusal name)

/// What to take instead; None for a name that is not of that library either, or of a loss that is here.
let absent name = Map.tryFind name others

/// The nearest of our names and of that library's, as words to append to an error message; a name of its losses without the ending is ours.
let suggestion (ours: string list) (wrong: string) =
    let known =
        [ for name in ours do
              Names.plain name, name
          for name, theirs in Map.toSeq byName do
              Names.plain name, name
              Names.plain (name.Substring(0, name.Length - "Loss".Length)), theirs.Ours.Name ]

    Names.tryNearest known (Names.plain wrong) |> Names.suggestion

/// Every loss of that library that is here: its name, ours with its defaults, and those of its arguments that are called otherwise here, with what they are, in Markdown.
let rows: (string * string * (string * string) list) list =
    [ for name, text, arguments in table ->
          name,
          text,
          [ for key, meaning in arguments do
                match meaning with
                | Same ours when ours <> key -> key, $"`{ours}`"
                | Made(words, _) -> key, words
                | Same _
                | Known _ -> () ] ]
