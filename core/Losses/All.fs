/// Every loss by name. To add one, add a file next to this one and a line to `all`.
module CondEmbed.Losses.All

open CondEmbed

/// Every loss with its name, source, settings and how it is made, in the order of `condembed loss --list`.
let all: Part<Loss> list =
    [ MultiSimilarity.part
      Contrastive.part
      Contrastive.cosinePart
      Triplet.part
      Triplet.semiHardPart
      Triplet.batchHardPart
      Margin.part
      NTXent.part
      SupCon.part
      Circle.part
      FastAP.part
      NPairs.part
      LiftedStructure.part
      LiftedStructure.originalPart
      RankedList.part
      NCA.part
      Angular.part
      TupletMargin.part
      TupletMargin.variancePart
      Histogram.part
      Ranks.smoothAPPart
      Ranks.recallPart
      Ranks.pnpPart
      Hyperbolic.part
      SignalToNoise.part
      Regularisation.normPart
      Regularisation.zeroMeanPart
      ProxyAnchor.part
      ProxyNCA.part
      ProxyNCA.plusPart
      Classification.normalisedSoftmaxPart
      Classification.cosFacePart
      Classification.arcFacePart
      Classification.subCentreArcFacePart
      Classification.softTriplePart
      SphereFace.part ]

/// Those in which each pair counts by its weight. The others refuse weights.
let weighted =
    Part.names
        [ MultiSimilarity.part
          Contrastive.part
          Contrastive.cosinePart
          NTXent.part
          SupCon.part
          Hyperbolic.part
          SignalToNoise.part
          // These see no pairs.
          Regularisation.normPart
          Regularisation.zeroMeanPart ]

let private made classes features (call: Call) : Loss =
    let loss = Part.make "loss" all classes features call
    if List.contains call.Name weighted then loss else Loss.unweighted call.Name loss

/// The name of every loss.
let names = Part.names all

/// pytorch-metric-learning's names as calls with its defaults.
let private elsewhere =
    Map
        [ "ContrastiveLoss", "contrastive"
          "TripletMarginLoss", "triplet(margin=0.05)"
          "MarginLoss", "margin(miner=all, learn_beta=0)"
          "MultiSimilarityLoss", "multi-similarity(beta=50, margin=-1)"
          "NTXentLoss", "nt-xent"
          "SupConLoss", "supcon"
          "CircleLoss", "circle"
          "FastAPLoss", "fast-ap"
          "NPairsLoss", "n-pairs"
          "GeneralizedLiftedStructureLoss", "lifted-structure"
          "LiftedStructureLoss", "lifted-structure-original"
          "RankedListLoss", "ranked-list"
          "SignalToNoiseRatioContrastiveLoss", "signal-to-noise"
          "SphereFaceLoss", "sphereface"
          "NCALoss", "nca"
          "AngularLoss", "angular"
          "TupletMarginLoss", "tuplet-margin"
          "IntraPairVarianceLoss", "intra-pair-variance"
          "HistogramLoss", "histogram"
          "SmoothAPLoss", "smooth-ap(count_query=1)"
          "PNPLoss", "pnp(variant=o)"
          "ProxyAnchorLoss", "proxy-anchor"
          "ProxyNCALoss", "proxy-nca"
          "NormalizedSoftmaxLoss", "normalised-softmax"
          "CosFaceLoss", "cosface"
          "ArcFaceLoss", "arcface"
          "SubCenterArcFaceLoss", "sub-centre-arcface"
          "SoftTripleLoss", "soft-triple" ]

/// The call under our name of the loss, with the defaults of the library that the name comes from where a setting was not given.
let private here (call: Call) =
    match Map.tryFind call.Name elsewhere |> Option.map Expression.read with
    | Some(Ok [ _, ours ]) -> { ours with Given = Map.foldBack Map.add call.Given ours.Given }
    | _ -> call

let private settingsOf name = Part.tryFind all name |> Option.map _.Settings |> Option.defaultValue []

let private attempt (call: Call) =
    try
        Part.make "loss" all 2 2 call |> ignore
        []
    with :? System.ArgumentException as problem ->
        [ problem.Message ]

/// What is wrong with a setting that applies to all calls that have it.
let private givenProblems (calls: Call list) (key: string, value: Value) =
    let has (call: Call) = settingsOf call.Name |> List.exists (fun s -> s.Key = key)

    match List.filter has calls with
    | [] ->
        let keys =
            [ for call in calls do
                  yield! settingsOf call.Name ]
            |> List.map _.Key
            |> List.distinct

        let which = [ for call in calls -> $"the loss '{call.Name}'" ] |> String.concat " and "
        let known = String.concat ", " keys
        [ $"{which} has no setting '{key}'; there are {known}{Names.nearest keys key}" ]
    | having ->
        [ for call in having do
              yield! attempt { call with Given = Map.add key value call.Given } ]

/// A weighted sum of losses from text, with settings that override those in the text. Or everything that is wrong, each with the key of the setting, or none for
/// the text itself.
let read (text: string) (settings: Map<string, Value>) : Result<(float * Call) list, (string option * string) list> =
    match Expression.read text with
    | Error problem -> Error [ None, problem ]
    | Ok terms ->
        let terms = [ for weight, call in terms -> weight, here call ]
        let calls = List.map snd terms
        let known = calls |> List.forall (fun call -> Part.tryFind all call.Name |> Option.isSome)

        let wrong =
            [ for call in calls do
                  for problem in attempt call do
                      None, problem
              for name, count in calls |> List.countBy _.Name do
                  if count > 1 then None, $"'{name}' occurs twice in the sum: give it one weight"
              if known then
                  for KeyValue(key, value) in settings do
                      for problem in givenProblems calls (key, value) do
                          Some key, problem ]

        let wrong = List.distinct wrong

        if wrong.IsEmpty then Ok(Expression.set settingsOf settings terms) else Error wrong

/// A loss, or a weighted sum of losses, for a number of classes and embeddings of D features: `triplet(margin=0.3)`, `multi-similarity + 0.5 * proxy-anchor`. The
/// settings apply to each part that has a setting of that name. ArgumentException with everything that is wrong.
let make text settings classes features : Loss =
    match read text settings with
    | Ok [ 1.0, call ] -> made classes features call
    | Ok terms -> Sum [ for weight, call in terms -> weight, call.Name, made classes features call ]
    | Error problems ->
        let message = problems |> List.map snd |> String.concat "; "
        invalidArg (nameof text) $"{System.Char.ToUpperInvariant message[0]}{message.Substring 1}"

/// `make` without further settings.
let ofText text classes features = make text Map.empty classes features
