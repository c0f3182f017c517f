/// The arguments of the commands that measure.
module CondEmbed.Cli.MeasureArguments

open Argu
open CondEmbed.Cli
open CondEmbed.Datasets
open CondEmbed.Evaluation

/// What the options of metrics mean, for the two commands that have them.
module internal Meaning =
    let recallAt = "the K of Recall@K (CMC@K against a gallery), as in 1,10,20"
    let precisionAt = "also precision@K and MAP@K as open-metric-learning defines them, as in 5,10"
    let variants = "also the variants of papers: Recall@K by threshold, MAP@R with an R that counts the query"
    let classAverages = "also the mean over classes of each class's mean"
    let perClass = "write a CSV file with the metrics of each class, worst first"
    let clustering = "also NMI, AMI and F1 of a k-means clustering with as many clusters as classes"
    let fmr = "also the false non-match rate at these false match rates, as in 0.01,0.1"
    let rerank = "also re-rank the K nearest images of each query by the similarities of the run's levels, and show both orders"
    let rerankBy = "what to re-rank by: mean (of the cosine and all levels, the default) or last (the last level)"
    let pcf = "also the fraction of principal components for these shares of the variance, as in 0.5,0.9"

[<RequireQualifiedAccess>]
type EvaluateArgument =
    | [<MainCommand; Mandatory>] Evaluate_What of RUN_AND_DATA: string list
    | [<Unique>] Best
    | [<Unique; CustomCommandLine "--recall-at">] RecallAt of K_LIST: string
    | [<Unique; CustomCommandLine "--precision-at">] PrecisionAt of K_LIST: string
    | [<Unique>] Variants
    | [<Unique; CustomCommandLine "--class-averages">] ClassAverages
    | [<Unique; CustomCommandLine "--per-class">] PerClass of FILE: string
    | [<Unique>] Clustering
    | [<Unique>] Fmr of X_LIST: string
    | [<Unique>] Pcf of X_LIST: string
    | [<Unique>] Rerank of K: int
    | [<Unique; CustomCommandLine "--rerank-by">] RerankBy of NAME: string
    | [<Unique>] Json
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Evaluate_What _ ->
                "the run's folder (or a model file, or an exported .onnx file), then the data; by default the held-out classes of the run's own data"
            | Best -> "use the network that did best on the validation classes instead of the last one"
            | RecallAt _ -> Meaning.recallAt
            | PrecisionAt _ -> Meaning.precisionAt
            | Variants -> Meaning.variants
            | ClassAverages -> Meaning.classAverages
            | PerClass _ -> Meaning.perClass
            | Clustering -> Meaning.clustering
            | Fmr _ -> Meaning.fmr
            | Pcf _ -> Meaning.pcf
            | Rerank _ -> Meaning.rerank
            | RerankBy _ -> Meaning.rerankBy
            | Json -> "print one JSON document on standard output, and nothing else"
            | SkipBad -> DataCommand.skipUsage
            | Layout _ -> DataCommand.layoutUsage ()
            | AllowSubset -> DataCommand.subsetUsage
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Threads _ -> DataCommand.threadsUsage
            | Workers _ -> DataCommand.workersUsage

[<RequireQualifiedAccess>]
type MetricsArgument =
    | [<MainCommand; Mandatory; Unique>] File of FILE: string
    | [<Unique>] Labels of FILE: string
    | [<Unique>] Gallery of FILE: string
    | [<Unique; CustomCommandLine "--gallery-labels">] GalleryLabels of FILE: string
    | [<Unique; CustomCommandLine "--recall-at">] RecallAt of K_LIST: string
    | [<Unique; CustomCommandLine "--precision-at">] PrecisionAt of K_LIST: string
    | [<Unique>] Variants
    | [<Unique; CustomCommandLine "--class-averages">] ClassAverages
    | [<Unique; CustomCommandLine "--per-class">] PerClass of FILE: string
    | [<Unique>] Clustering
    | [<Unique>] Fmr of X_LIST: string
    | [<Unique>] Pcf of X_LIST: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ ->
                "embeddings as 'embed' writes them (.npy .csv .jsonl .parquet), or JSON {\"embeddings\": [[...]], \"labels\": [...]}"
            | Labels _ -> "labels of the embeddings, if not in or next to their file: .npy of integers, .csv or .txt, one per row"
            | Gallery _ -> "embeddings to search in, instead of all against all"
            | GalleryLabels _ -> "labels of the gallery"
            | RecallAt _ -> Meaning.recallAt
            | PrecisionAt _ -> Meaning.precisionAt
            | Variants -> Meaning.variants
            | ClassAverages -> Meaning.classAverages
            | PerClass _ -> Meaning.perClass
            | Clustering -> Meaning.clustering
            | Fmr _ -> Meaning.fmr
            | Pcf _ -> Meaning.pcf
            | Threads _ -> "threads for computing; 0 for one per core"
            | Json -> "print one JSON document on standard output, and nothing else"
