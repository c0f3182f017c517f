/// Re-ranking on the command line: what --rerank and the options beside it say, and how the metrics of two orders are shown.
module CondEmbed.Cli.Reranked

open System.Collections.Generic
open CondEmbed
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Pairs

/// What re-ranks.
type Reranking =
    {
        Options: RerankOptions
        /// The temperature of cosine attention, if that re-ranks and not the levels of the training.
        Cosine: float option
    }

let private scoreOf (by: string option) =
    match by with
    | None
    | Some "mean" -> PairScore.Mean, false
    | Some "last" -> PairScore.Last, false
    | Some "cosine" -> PairScore.Mean, true
    | Some other -> refuse $"--rerank-by {other}: is unknown; give mean, last or cosine."

/// None if nothing is to be re-ranked. InputException for options that cannot be used.
let optionsOf (k: int option) (by: string option) (temperature: float option) =
    let score, isCosine = scoreOf by

    match temperature with
    | Some _ when not isCosine -> refuse "--rerank-temperature: belongs to --rerank-by cosine."
    | Some t when not (t > 0.0) -> refuse $"--rerank-temperature {t}: must be above 0."
    | _ -> ()

    match k with
    | Some k when k < 1 -> refuse $"--rerank {k}: must be at least 1."
    | Some k ->
        Some
            { Options = RerankOptions(k, score)
              Cosine = if isCosine then Some(defaultArg temperature ConditionalModel.CosineTemperature) else None }
    | None when by.IsSome -> refuse $"--rerank-by {by.Value}: also say how many of the nearest to re-rank: --rerank K."
    | None -> None

let private nameOf reranking =
    if reranking.Cosine.IsSome then "cosine"
    elif reranking.Options.By = PairScore.Last then "last"
    else "mean"

let private changes (metrics: RerankedMetrics) =
    let changed = Dictionary<string, float>()

    for KeyValue(name, value) in metrics.Reranked.Values do
        changed[name] <- value - metrics.Plain[name]

    changed

/// The value of `rerank` in the JSON document. Times are in milliseconds.
let document options (metrics: RerankedMetrics) =
    let cost = metrics.Cost

    box
        {| K = metrics.K
           By = nameOf options
           Metrics = metrics.Reranked.Values
           Change = changes metrics
           Cost =
            {| EmbeddingMsAPicture = cost.EmbeddingMs
               SearchMsAQuery = cost.SearchMs
               RerankingMsAQuery = cost.RerankingMs
               BytesAPicture = cost.BytesPerImage
               ImagesEmbeddedAgain = cost.EmbeddedAgain |} |}

let private costLines (cost: RerankCost) =
    let again =
        if cost.EmbeddedAgain = 0L then
            "in memory"
        else
            $"not all in memory: {Readable.Count cost.EmbeddedAgain} were embedded again"

    [ $"embedding   {Readable.Number cost.EmbeddingMs} ms per image, {Readable.Count cost.Images} images; keys and values {Readable.Number(float cost.BytesPerImage / 1e3)} kB per image, {again}"
      $"search      {Readable.Number cost.SearchMs} ms per query"
      $"re-ranking  {Readable.Number cost.RerankingMs} ms per query" ]

/// Shows both orders side by side with the cost of the second, or one JSON document; writes the classes, in the first order, to a file if one is named.
let show options asJson perClass (metrics: RerankedMetrics) measured =
    let asTable (shown: _ -> KeyValuePair<string, float> seq) =
        let by =
            match options.Cosine with
            | Some temperature -> $"the mean of the cosine and of cosine attention at temperature {Readable.Number temperature}"
            | None when options.Options.By = PairScore.Last -> "the similarity of the last level"
            | None -> "the mean of the cosine and the similarities of all levels"

        printfn $"re-ranked: the {metrics.K} nearest of each query, by {by}\n"
        let table metrics = Dictionary(shown metrics)
        printfn $"""{MetricTable.Format(table metrics.Plain, table metrics.Reranked, "plain", "re-ranked")}"""
        printfn ""
        costLines metrics.Cost |> List.iter (printfn "%s")

    Measures.showAs asTable asJson perClass metrics.Plain measured
