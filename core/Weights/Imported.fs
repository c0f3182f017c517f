/// Finds the network in another program's checkpoint: its encoder, its pooling, and the linear layer that makes its embeddings.
module CondEmbed.Imported

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open CondEmbed.Encoders

/// Where the numbers of a parameter come from: a tensor of the checkpoint, or one number throughout.
type Source =
    | Tensor of name: string
    | Number of float

/// What is known of a checkpoint besides its tensors.
type Asked =
    {
        /// None to find the one that fits.
        Encoder: string option
        /// None for mean, class where the encoder has a class token, and gem where the checkpoint has its power.
        Pooling: string option
        /// The power of the pooling gem, where the checkpoint does not have it.
        Power: float option
        /// Features of an embedding: None for what the checkpoint has, 0 to leave its linear layer out.
        Embedding: int option
        /// Patterns over names of tensors that are no part of the network, separated by commas.
        LeaveOut: string
    }

/// The network of a checkpoint.
type Found =
    {
        Encoder: string
        /// Other encoders that fit as well and differ in what no tensor says.
        Others: string list
        Pooling: string
        /// Whether there is a BatchNorm between pooling and linear layer.
        HeadNorm: bool
        /// Features that the linear layer makes; 0 if there is none.
        Embedding: int
        /// The weight of ImageNet's classifier, if the checkpoint has it: left out, unless as many features are asked for as it has outputs.
        Classifier: string option
        /// Our name of each parameter, and where it comes from.
        Sources: (string * Source) list
        LeftOut: string list
    }

/// What a checkpoint keeps besides a network: losses with their proxies, optimisers, schedules, miners.
let private beside =
    Regex(
        @"(?:^|[._])(?:loss(?:es)?(?:_\w+)?|criterion|proxies|(?:optimizer|lr_scheduler|scheduler|miner|mining)s?(?:_\w+)?)(?:\.|$)",
        RegexOptions.CultureInvariant
    )

/// How torchvision, timm and Hugging Face name a classifier.
let private classifier =
    Regex(@"(?:^|\.)(?:fc|last_linear|classifier(?:\.\d+)?|heads?(?:\.(?:fc|head))?)\.weight$", RegexOptions.CultureInvariant)

/// Outputs of the classifiers that are published: ImageNet's 1000 classes (1001 with "background"), its 21,841 (up to two more), and the parts of these with which timm has networks.
let private classes = set [ 1000L; 1001L; 10450L; 11221L; 11821L; 21841L; 21842L; 21843L ]

let private isClassifier (files: IReadOnlyDictionary<string, int64 list>) (name: string) =
    classifier.IsMatch name
    && (match files[name] with
        | [ outputs; _ ] -> classes.Contains outputs
        | _ -> false)

let private listed (names: string list) = String.concat ", " names

/// A few names with their shapes.
let private shown (files: IReadOnlyDictionary<string, int64 list>) (names: string list) =
    let first =
        names
        |> List.truncate 4
        |> List.map (fun name -> $"{name} {shapeText files[name]}")
        |> String.concat ", "

    if names.Length > 4 then $"{first} and {names.Length - 4} more" else first

/// The encoders that the tensors fit equally well, the first of them with its report; or why there are none.
let private encoders (asked: Asked) files =
    let all =
        Weights.compareAll files
        |> List.filter (fun (name, _, _) -> asked.Encoder |> Option.forall ((=) name))

    let isWhole (report: Weights.Report) = report.Missing.IsEmpty && report.WrongShape.IsEmpty

    match all |> List.filter (fun (_, _, report) -> isWhole report) with
    | _ when all.IsEmpty -> Error $"is to be read for the encoder '{asked.Encoder.Value}', which there is not, only {listed All.names}."
    | (name, _, report) :: others ->
        let isAlike (other: Weights.Report) =
            other.Loaded.Length = report.Loaded.Length && other.Unexpected.Length = report.Unexpected.Length

        Ok(
            name,
            report,
            [ for other, _, found in others do
                  if isAlike found then other ]
        )
    | [] ->
        let name, _, nearest = all.Head
        let few (names: string list) = (names |> List.truncate 4 |> String.concat ", ") + (if names.Length > 4 then ", ..." else "")
        let foreign = nearest.Foreign |> Option.map (fun other -> $" It is {other}.") |> Option.defaultValue ""

        let tensors (names: string list) one many = if names.Length = 1 then $"1 tensor {one}" else $"{names.Length} tensors {many}"

        let lacks =
            [ if not nearest.Missing.IsEmpty then $"""{tensors nearest.Missing "is" "are"} missing ({few nearest.Missing})"""
              if not nearest.WrongShape.IsEmpty then
                  $"""{tensors nearest.WrongShape "has" "have"} another shape ({few nearest.WrongShape})""" ]
            |> String.concat ", "

        let which = if asked.Encoder.IsSome then $"does not fit the encoder '{name}'" else $"fits no encoder; nearest is '{name}'"

        Error
            $"{which}: {nearest.Loaded.Length} tensors fit, {lacks}.{foreign} It has {shown files (List.ofSeq files.Keys)}. Choose a checkpoint of one of the encoders {listed All.names}."

/// The tensors of a layer whose weight has that name: ours, and where they come from. Without a bias it is zero.
let private linear (files: IReadOnlyDictionary<string, int64 list>) (weight: string) =
    let bias = weight.Substring(0, weight.Length - "weight".Length) + "bias"

    [ "embedding.weight", Tensor weight
      "embedding.bias", (if files.ContainsKey bias then Tensor bias else Number 0.0) ]

/// The tensors of the checkpoint among sources.
let private tensorsOf (sources: (string * Source) list) =
    [ for _, source in sources do
          match source with
          | Tensor name -> name
          | Number _ -> () ]

/// The BatchNorm of so many features that comes before the linear layer, if there is one: nothing else of a head has a running mean.
let private norm (files: IReadOnlyDictionary<string, int64 list>) (free: string list) (width: int64) (weight: string) =
    let isBefore name = List.findIndex ((=) name) free < List.findIndex ((=) weight) free

    free
    |> List.tryFind (fun name -> name.EndsWith("running_mean", StringComparison.Ordinal) && files[name] = [ width ] && isBefore name)
    |> Option.map (fun mean ->
        let stem = mean.Substring(0, mean.Length - "running_mean".Length)

        [ for part, usual in [ "weight", 1.0; "bias", 0.0; "running_mean", 0.0; "running_var", 1.0 ] ->
              $"embedding.norm.{part}", (if files.ContainsKey(stem + part) then Tensor(stem + part) else Number usual) ])

/// The pooling, and the tensors that it has.
let private pooling (asked: Asked) (encoder: Encoder) (files: IReadOnlyDictionary<string, int64 list>) free =
    let power =
        free
        |> List.tryFind (fun (name: string) -> files[name] = [ 1L ] && name.Split('.') |> Array.last = "p")

    match asked.Pooling, power, asked.Power with
    | Some "gem", _, Some number
    | None, None, Some number -> Ok("gem", [ "embedding.pool.p", Number number ])
    | (Some "gem" | None), Some name, None -> Ok("gem", [ "embedding.pool.p", Tensor name ])
    | Some "gem", None, None -> Error "has no power of the pooling gem: say what it was (3 is usual)."
    | Some _, _, Some _
    | None, Some _, Some _ -> Error "is given a power, which is for the pooling gem where the checkpoint does not have it."
    | Some name, _, None when not (All.poolings |> List.exists (fun (known, _, _) -> known = name)) ->
        Error $"is given the pooling '{name}', which there is not, only {listed [ for known, _, _ in All.poolings -> known ]}."
    | Some name, _, None -> Ok(name, [])
    | None, None, None -> Ok((if encoder.HasToken then "class" else "mean"), [])

/// The linear layer: among the free tensors, the one weight that takes the pooled features, if it is no classifier; and the tensors of such layers that are left out.
let private head (asked: Asked) (files: IReadOnlyDictionary<string, int64 list>) (free: string list) width =
    let isWeight (name: string) =
        name = "weight"
        || name.EndsWith(".weight", StringComparison.Ordinal)
        || name.EndsWith(" weight", StringComparison.Ordinal)

    let fitting =
        free
        |> List.filter (fun name ->
            match files[name] with
            | [ _; inputs ] -> inputs = width && isWeight name
            | _ -> false)

    let isLeftOut name =
        match asked.Embedding with
        | Some 0 -> true
        | Some wanted -> isClassifier files name && files[name].Head <> int64 wanted
        | None -> isClassifier files name

    let dropped, heads = fitting |> List.partition isLeftOut

    match asked.Embedding, heads with
    | Some wanted, [ one ] when files[one].Head <> int64 wanted ->
        Error
            $"makes embeddings of {files[one].Head} features ({shown files [ one ]}), and {wanted} are asked for: leave the number out, or give 0 to leave this layer out."
    | Some wanted, [] when wanted > 0 ->
        Error
            $"has no linear layer that takes the {width} pooled features and makes {wanted}: of its tensors, these are not the encoder's: {shown files free}."
    | _, ([] | [ _ ]) ->
        Ok(
            List.tryHead heads,
            [ for weight in dropped do
                  yield! tensorsOf (linear files weight) ]
        )
    | _ -> Error $"has several layers that could make the embeddings: {shown files heads}. Leave out all but one, by their names."

/// Why tensors that nothing of the network reads cannot be passed over, and what to do.
let private leftOver name (report: Weights.Report) width files rest =
    let what =
        match report.OtherPrefixes with
        | [] -> "A head of several layers cannot be imported. What is no part of the network, leave out by its name"
        | others ->
            $"""There is as much of the network under {listed [ for other in others -> other.TrimEnd '.' ]}: name one of these as the part to take"""

    $"has tensors that belong neither to the encoder '{name}' nor to one linear layer on its {width} pooled features: {shown files rest}. {what}."

/// Whether each of the patterns fits the name of a tensor.
let private leftOutIn (files: IReadOnlyDictionary<string, int64 list>) patterns =
    match
        Names.patterns patterns
        |> List.tryFind (fun pattern -> not (Seq.exists (Names.isLike pattern) files.Keys))
    with
    | Some pattern -> Error $"has no tensor to leave out whose name fits '{pattern}': it has {shown files (List.ofSeq files.Keys)}."
    | None -> Ok()

/// The network in tensors of those names and shapes, in the order of the checkpoint; or what does not fit, as the end of a sentence about the checkpoint, and what to do.
let find (asked: Asked) (files: IReadOnlyDictionary<string, int64 list>) : Result<Found, string> =
    let canLeaveOut = leftOutIn files asked.LeaveOut

    let leftOut, offered =
        List.ofSeq files.Keys
        |> List.partition (fun name -> Names.patterns asked.LeaveOut |> List.exists (fun pattern -> Names.isLike pattern name))

    let files = readOnlyDict [ for name in offered -> name, files[name] ]

    canLeaveOut
    |> Result.bind (fun () -> encoders asked files)
    |> Result.bind (fun (name, report, others) ->
        let own = [ for ours in report.Loaded -> ours, Tensor report.Sources[ours] ]
        let taken = set [ for ours in report.Loaded -> report.Sources[ours] ]
        let isCounter (file: string) = file.EndsWith("num_batches_tracked", StringComparison.Ordinal)

        let outside, free =
            offered
            |> List.filter (fun file -> not (taken.Contains file || isCounter file))
            |> List.partition beside.IsMatch

        let encoder = (All.tryBuild name All.usual).Value

        pooling asked encoder files free
        |> Result.bind (fun (pooling, power) ->
            let width = int64 (All.pooledFeatures pooling encoder).Value

            head asked files free width
            |> Result.bind (fun (weight, dropped) ->
                let norm = weight |> Option.bind (norm files free width)

                let ofHead = power @ Option.defaultValue [] norm @ (Option.toList weight |> List.collect (linear files))
                let used = set (tensorsOf ofHead)
                let rest = free |> List.filter (fun file -> not (used.Contains file || List.contains file dropped))

                if not rest.IsEmpty then
                    Error(leftOver name report width files rest)
                else
                    Ok
                        { Encoder = name
                          Others = others
                          Pooling = pooling
                          HeadNorm = norm.IsSome
                          Embedding = weight |> Option.map (fun weight -> int files[weight].Head) |> Option.defaultValue 0
                          Classifier = free |> List.tryFind (isClassifier files)
                          Sources = own @ ofHead
                          LeftOut = leftOut @ outside @ dropped })))
