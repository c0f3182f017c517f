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

/// The part that a call names, under our name of it or under pytorch-metric-learning's.
let private partOf (call: Call) = Part.tryFind all (Elsewhere.oursOf call.Name)

/// The settings that a call may be given, as whoever wrote it knows them.
let private keysOf (call: Call) =
    partOf call
    |> Option.map (fun part -> Elsewhere.keys call.Name [ for s in part.Settings -> s.Key ])
    |> Option.defaultValue []

let private takes (call: Call) key =
    Elsewhere.takes call.Name key
    || partOf call |> Option.exists (fun part -> part.Settings |> List.exists (fun s -> s.Key = key))

/// The call under our name of the loss, with the defaults of the library that the name comes from where a setting was not given; `more` overrides what it was given.
let private ours (more: Map<string, Value>) (call: Call) =
    let put settings all =
        (all, Elsewhere.given call.Name settings)
        ||> List.fold (fun all (_, key, value) -> Map.add key value all)

    { Name = Elsewhere.oursOf call.Name; Given = Elsewhere.defaults call.Name |> put call.Given |> put more }

let private attempt (call: Call) =
    try
        Part.make "loss" all 2 2 call |> ignore
        []
    with :? System.ArgumentException as problem ->
        [ problem.Message ]

let private unknown (call: Call) : string list =
    let name = call.Name

    match Elsewhere.absent name with
    | Some instead -> [ MinersElsewhere.refusal name instead ]
    | None when MinersElsewhere.isMiner name ->
        match MinersElsewhere.ours call with
        | Ok miner -> [ $"'{name}' is a miner, not a loss: give it to one, as in triplet(miner={miner})" ]
        | Error wrong -> wrong
    | None ->
        let listed = String.concat ", " names
        [ $"there is no loss '{name}'; there are {listed}{Elsewhere.suggestion names name}" ]

/// What is wrong with a call, in the words in which it was written.
let private problemsOf (call: Call) : string list =
    match partOf call with
    | None -> unknown call
    | Some part ->
        let written =
            Elsewhere.problems call.Name call.Given
            @ Part.settingProblems "loss" call.Name (keysOf call) part (Elsewhere.given call.Name call.Given)

        if written.IsEmpty then attempt (ours Map.empty call) else written

/// What is wrong with a setting that applies to all calls that have it.
let private givenProblems (calls: Call list) (key: string, value: Value) =
    match calls |> List.filter (fun call -> takes call key) with
    | [] ->
        let keys = calls |> List.collect keysOf |> List.distinct
        let which = [ for call in calls -> $"the loss '{call.Name}'" ] |> String.concat " and "
        let known = if keys.IsEmpty then "none" else String.concat ", " keys
        let has = if calls.Length = 1 then "has" else "have"
        [ $"{which} {has} no setting '{key}'; there are {known}{Names.nearest keys key}" ]
    | having ->
        [ for call in having do
              yield! problemsOf { call with Given = Map.add key value call.Given } ]

/// A weighted sum of losses from text, with settings that override those in the text. Or everything that is wrong, each with the key of the setting, or none for
/// the text itself.
let read (text: string) (settings: Map<string, Value>) : Result<(float * Call) list, (string option * string) list> =
    match Expression.read text with
    | Error problem -> Error [ None, Elsewhere.wrapper text |> Option.defaultValue problem ]
    | Ok terms ->
        let calls = List.map snd terms

        let ofText =
            [ for call in calls do
                  for problem in problemsOf call do
                      None, problem
              for name, count in calls |> List.countBy (fun call -> Elsewhere.oursOf call.Name) do
                  if count > 1 then None, $"'{name}' occurs twice in the sum: give it one weight" ]

        let ofSettings =
            [ if calls |> List.forall (partOf >> Option.isSome) then
                  for KeyValue(key, value) in settings do
                      for problem in givenProblems calls (key, value) do
                          Some key, problem ]
            |> List.filter (fun (_, problem) -> ofText |> List.forall (fun (_, other) -> other <> problem))

        match List.distinct (ofText @ ofSettings) with
        | [] ->
            Ok
                [ for weight, call in terms ->
                      let own = settings |> Map.filter (fun key _ -> takes call key)
                      weight, ours own call ]
        | wrong -> Error wrong

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
