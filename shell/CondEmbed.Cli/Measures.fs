/// The options of metrics, and how metrics are shown: for every command that measures.
module CondEmbed.Cli.Measures

open System
open System.Collections.Generic
open System.Globalization
open CondEmbed
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Reports

let private listOf (parse: string -> bool * 'T) sound wanted option (given: Map<string, string>) =
    match Map.tryFind option given with
    | None -> null
    | Some text ->
        [| for word in text.Split ',' ->
               match parse word with
               | true, value when sound value -> value
               | _ -> refuse $"--{option} {text}: '{word}' is not {wanted}; give one or several, separated by commas." |]

let private depths option given =
    let parse (word: string) = Int32.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture)
    listOf parse (fun k -> k > 0) "a whole number of at least 1" option given

let private shares option given =
    let parse (word: string) = Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture)
    listOf parse (fun share -> share >= 0.0 && share <= 1.0) "a number from 0 to 1" option given

let private count option (given: Map<string, string>) (make: int -> 'T) : 'T =
    match Map.tryFind option given |> Option.map int with
    | Some number when number < 1 -> refuse $"--{option} {number}: must be at least 1."
    | Some number -> make number
    | None -> Unchecked.defaultof<'T>

let private orNone (list: 'T array) = if isNull list then [||] else list

/// What the options of a command that measures ask for. InputException for a list that cannot be read.
let options arguments =
    let given = Help.given arguments

    EvaluationOptions(
        RecallAt = depths "recall-at" given,
        CutOffs = orNone (depths "precision-at" given),
        Variants = given.ContainsKey "variants",
        ClassAverages = given.ContainsKey "class-averages",
        Clustering = given.ContainsKey "clustering",
        KReciprocal = count "k-reciprocal" given (fun nearest -> KReciprocalOptions nearest),
        Expansion = count "expand" given (fun nearest -> QueryExpansionOptions nearest),
        FalseMatchRates = orNone (shares "fmr" given),
        Variances = orNone (shares "pcf" given)
    )

/// What was measured.
type Measured =
    {
        Title: string
        AllAgainstAll: bool
        /// What makes images alike, if not their classes.
        Alike: string option
        /// The classes, by the numbers used in the metrics.
        Classes: ClassIndex
        /// A column, and what labels each query has there, to show the metrics of each by itself.
        By: (string * IReadOnlyList<IReadOnlyList<string>>) option
        /// What else belongs in the JSON document.
        More: (string * obj) list
    }

let private groupDocument (group: GroupMetrics) =
    let all = Dictionary<string, obj>()
    all["value"] <- group.Name
    all["queries"] <- group.Queries
    all["queries_without_match"] <- group.QueriesWithoutMatch

    for KeyValue(key, value) in group.Values do
        all[key] <- value

    all

/// Recall@K and MAP@R of each group, a line each.
let private groupTable column (groups: GroupMetrics seq) =
    let shown (key: string) = key = MetricNames.MapAtR || (key.StartsWith "recall@" && not (key.Contains '_'))

    let keys =
        [ for group in groups do
              yield! group.Values.Keys ]
        |> List.distinct
        |> List.filter shown

    let cell (group: GroupMetrics) key =
        match group.Values.TryGetValue key with
        | true, value -> Readable.Percent value
        | _ -> "-"

    let row name queries cells = List.toArray (name :: queries :: cells) :> IReadOnlyList<string>

    TextTable.Lines
        [| row $"queries with {column}" "number" (List.map MetricNames.Display keys)
           for group in groups do
               row group.Name (string group.Queries) (List.map (cell group) keys) |]

let private document (measured: Measured) (metrics: RetrievalMetrics) =
    let all = Dictionary<string, obj>()

    for key, value in measured.More do
        all[key] <- value

    all["protocol"] <- MetricNames.Protocol measured.AllAgainstAll
    measured.Alike |> Option.iter (fun rule -> all["alike"] <- rule)
    all["queries"] <- metrics.Queries
    all["queries_without_match"] <- metrics.QueriesWithoutMatch

    for KeyValue(key, value) in metrics.Values do
        all[key] <- value

    for column, labels in Option.toList measured.By do
        all["by"] <- {| Column = column; Groups = [ for group in metrics.ByGroup labels -> groupDocument group ] |}

    all

/// Prints what was measured and how; then shows the metrics with the given function.
let private print (show: (RetrievalMetrics -> KeyValuePair<string, float> seq) -> unit) (measured: Measured) (metrics: RetrievalMetrics) =
    // Where every query has a match, Recall@K of the possible ones is Recall@K.
    let allPossible = metrics.QueriesWithoutMatch = 0
    let without = if allPossible then "" else $", {metrics.QueriesWithoutMatch} of them without a possible match"
    printfn $"{measured.Title}: {metrics.Queries} queries{without}"
    printfn $"{MetricNames.Protocol measured.AllAgainstAll}"
    measured.Alike |> Option.iter (printfn "to be found: %s")

    if not allPossible then
        printfn
            "%s"
            ("Every Recall@K counts queries without a possible match as misses, except those marked 'possible'. "
             + "Precision, R-precision, MAP@R, MAP and MRR leave them out.")

    show (fun metrics -> metrics.Values |> Seq.filter (fun pair -> not (allPossible && pair.Key.Contains "_possible_only")))

    for column, labels in Option.toList measured.By do
        printfn ""
        metrics.ByGroup labels |> groupTable column |> Seq.iter (Output.visible >> printfn "%s")

/// As text, whose metrics are shown in some way, or JSON on standard output, and the classes in a file if one is named.
let showAs show asJson perClass (metrics: RetrievalMetrics) (measured: Measured) =
    metrics.Notices |> Seq.iter Output.notice
    perClass |> Option.iter (fun file -> ClassReport.Write(file, metrics, measured.Classes.Names))

    if asJson then
        document measured metrics |> Output.json
    else
        print show measured metrics
        perClass |> Option.iter (printfn "classes  %s")

/// As lines of name and per cent, or JSON, and the classes in a file if one is named.
let show asJson perClass (metrics: RetrievalMetrics) (measured: Measured) =
    showAs (fun shown -> shown metrics |> Output.metricLines |> List.iter (printfn "%s")) asJson perClass metrics measured
