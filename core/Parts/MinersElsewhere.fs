/// Miners under pytorch-metric-learning's names: with its defaults, its arguments, and what it has that is not here.
module internal CondEmbed.MinersElsewhere

/// What one of its miners is here.
type private Theirs =
    {
        /// Its numbers: its name, ours, and its default.
        Numbers: (string * string * float) list
        /// Its words: its name, what it may be, and its default.
        Words: (string * string list * string) list
        /// Ours, by its words; or why there is none.
        Ours: string list -> Result<string, string>
        /// Whether ours compares a distance, which is l2 unless told otherwise.
        ByDistance: bool
        /// Arguments that can only be left out.
        Absent: string list
    }

let private plain ours numbers = { Numbers = numbers; Words = []; Ours = (fun _ -> Ok ours); ByDistance = false; Absent = [] }

let private strategies = [ "easy"; "semihard"; "hard"; "all" ]

let private hyphened (word: string) = word.Replace("semihard", "semi-hard")

let private easyHard words =
    match words with
    | [ "hard"; "hard" ] -> Ok "batch-hard"
    | [ "all"; "all" ] -> Ok "all"
    | [ ("semihard" as own); (("semihard" | "all") as other) ]
    | [ ("all" as own); ("semihard" as other) ] ->
        Error
            $"pos_strategy is {own} and neg_strategy is {other}; semihard is measured against one chosen pair of the other kind, easy or hard"
    | words -> Ok(String.concat "-" (List.map2 (fun word kind -> $"{hyphened word}-{kind}") words [ "positive"; "negative" ]))

let private byMargin words =
    match words with
    | [ "all" ] -> Ok "triplet-margin"
    | words -> Ok(hyphened (List.exactlyOne words))

let private table =
    [ "AngularMiner", plain "angular" [ "angle", "angle", 20.0 ]
      "BatchEasyHardMiner",
      { plain "" [] with
          Words = [ "pos_strategy", strategies, "easy"; "neg_strategy", strategies, "semihard" ]
          Ours = easyHard
          Absent = [ "allowed_pos_range"; "allowed_neg_range" ] }
      "BatchHardMiner", plain "batch-hard" []
      "DistanceWeightedMiner", plain "distance-weighted" [ "cutoff", "cutoff", 0.5; "nonzero_loss_cutoff", "upper", 1.4 ]
      "MultiSimilarityMiner", plain "multi-similarity" [ "epsilon", "epsilon", 0.1 ]
      "PairMarginMiner",
      { plain "pair-margin" [ "pos_margin", "positive", 0.2; "neg_margin", "negative", 0.8 ] with
          ByDistance = true }
      "TripletMarginMiner",
      { plain "" [ "margin", "margin", 0.2 ] with
          Words = [ "type_of_triplets", [ "all"; "hard"; "semihard"; "easy" ], "all" ]
          Ours = byMargin
          ByDistance = true } ]

/// What to take for a miner of that library which is not here.
let private others =
    Map
        [ "EmbeddingsAlreadyPackagedAsTriplets", "give a loss pairs in place of labels"
          "HDCMiner", "the nearest is 'multi-similarity'"
          "MaximumLossMiner", "the nearest is 'batch-hard'"
          "UniformHistogramMiner", "the nearest is 'distance-weighted'" ]

let private bare name = Named { Name = name; Given = Map.empty }

let private argumentsOf (theirs: Theirs) =
    [ for name, _, _ in theirs.Numbers do
          name
      for name, _, _ in theirs.Words do
          name
      if theirs.ByDistance then "distance" ]

/// What is wrong with the arguments of a call, each by itself.
let private problems (call: Call) (theirs: Theirs) =
    let known = argumentsOf theirs

    [ for KeyValue(key, value) in call.Given do
          let about = $"the miner '{call.Name}': {key} is {value}"

          match theirs.Words |> List.tryFind (fun (name, _, _) -> name = key), value with
          | Some(_, choices, _), value ->
              if choices |> List.forall (fun word -> bare word <> value) then
                  let listed = String.concat ", " choices
                  $"{about}; it must be one of {listed}"
          | None, Named { Name = "None" } when List.contains key theirs.Absent -> ()
          | None, _ when List.contains key theirs.Absent -> $"the miner '{call.Name}': there is no {key} here: leave it out"
          | None, Named _ when theirs.Numbers |> List.exists (fun (name, _, _) -> name = key) -> $"{about}; it must be a number"
          | None, _ when List.contains key known -> ()
          | None, _ ->
              let has = if known.IsEmpty then "it has none" else "it has " + String.concat ", " known + Names.nearest known key
              $"the miner '{call.Name}' has no setting '{key}'; {has}" ]

let private settings (call: Call) (theirs: Theirs) =
    let given key standard = Map.tryFind key call.Given |> Option.defaultValue standard

    Map
        [ for name, ours, standard in theirs.Numbers do
              ours, given name (Number standard)
          if theirs.ByDistance then "distance", given "distance" (bare "l2") ]

let private translated (call: Call) (theirs: Theirs) : Result<Call, string list> =
    let word (name, _, standard) =
        match Map.tryFind name call.Given with
        | Some value -> string value
        | None -> standard

    match problems call theirs with
    | [] ->
        match theirs.Ours(List.map word theirs.Words) with
        | Ok ours -> Ok { Name = ours; Given = settings call theirs }
        | Error why -> Error [ $"the miner '{call.Name}': {why}" ]
    | wrong -> Error wrong

let private unknown name =
    let ours = Part.names Miners.all
    let listed = String.concat ", " ours
    let near = [ for name in ours @ List.map fst table -> Names.plain name, name ]
    $"there is no miner '{name}'; there are {listed}{Names.tryNearest near (Names.plain name) |> Names.suggestion}"

/// What is said of a loss or miner of that library which is not here.
let refusal name instead = $"pytorch-metric-learning's '{name}' is not here; {instead}"

/// The call of a miner under our name, with that library's defaults if the name is that library's; or everything that is wrong with it, in the words in which it was written.
let ours (call: Call) : Result<Call, string list> =
    match List.tryFind (fun (name, _) -> name = call.Name) table, Map.tryFind call.Name others with
    | Some(_, theirs), _ -> translated call theirs
    | None, Some instead -> Error [ refusal call.Name instead ]
    | None, None when (Part.tryFind Miners.all call.Name).IsSome -> Ok call
    | None, None -> Error [ unknown call.Name ]

/// Whether a name is that of a miner, ours or that library's.
let isMiner name =
    (Part.tryFind Miners.all name).IsSome
    || List.exists (fun (theirs, _) -> theirs = name) table
    || others.ContainsKey name

/// Every miner of that library that is here, by its only word if it has one, with its defaults, and what it is here.
let rows: (string * string) list =
    [ for name, theirs in table do
          let standard =
              [ for name, _, standard in theirs.Numbers do
                    name, Number standard
                for name, _, standard in theirs.Words do
                    name, bare standard ]

          let choices =
              match theirs.Words with
              | [ name, choices, _ ] -> [ for word in choices -> [ name, bare word ] ]
              | _ -> [ [] ]

          for chosen in choices do
              let call = { Name = name; Given = Map(standard @ chosen) }

              match ours call with
              | Ok found -> string call, string found
              | Error _ -> () ]
