/// The arguments of the commands that measure.
module CondEmbed.Cli.MeasureArguments

open Argu

[<RequireQualifiedAccess>]
type EvaluateArgument =
    | [<MainCommand;
        Mandatory;
        Help "the run's folder (or a model file, or an exported .onnx file), then the data; by default the held-out classes of the run's own data">] Evaluate_What of
        RUN_AND_DATA: string list
    | [<Unique>] Best
    | [<Unique; CustomCommandLine "--recall-at">] RecallAt of K_LIST: string
    | [<Unique; CustomCommandLine "--precision-at">] PrecisionAt of K_LIST: string
    | [<Unique>] Variants
    | [<Unique; CustomCommandLine "--class-averages">] ClassAverages
    | [<Unique; CustomCommandLine "--per-class">] PerClass of FILE: string
    | [<Unique>] Clustering
    | [<Unique; CustomCommandLine "--k-reciprocal">] KReciprocal of K: int
    | [<Unique>] Expand of N: int
    | [<Unique>] Fmr of X_LIST: string
    | [<Unique>] Pcf of X_LIST: string
    | [<Unique; Help "also re-rank the K nearest images of each query by the similarities of the run's levels, and show both orders">] Rerank of
        K: int
    | [<Unique; CustomCommandLine "--rerank-by">] RerankBy of NAME: string
    | [<Unique; CustomCommandLine "--rerank-temperature">] RerankTemperature of T: float
    | [<Unique; CustomCommandLine "--label-match">] LabelMatch of RULE: string
    | [<Unique; CustomCommandLine "--label-columns">] LabelColumns of NAMES: string
    | [<Unique; CustomCommandLine "--label-separator">] LabelSeparator of TEXT: string
    | [<Unique>] Pairs of FILE: string
    | [<Unique>] By of COLUMN: string
    | [<Unique>] Json
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type MetricsArgument =
    | [<MainCommand;
        Mandatory;
        Unique;
        Help "embeddings as 'embed' writes them (.npy .csv .jsonl .parquet), or JSON {\"embeddings\": [[...]], \"labels\": [...]}">] File of
        FILE: string
    | [<Unique; Help "labels of the embeddings, if not in or next to their file: .npy of integers, .csv or .txt, one per row">] Labels of
        FILE: string
    | [<Unique; Help "embeddings to search in, instead of all against all">] Gallery of FILE: string
    | [<Unique; CustomCommandLine "--gallery-labels"; Help "labels of the gallery">] GalleryLabels of FILE: string
    | [<Unique;
        CustomCommandLine "--label-match";
        Help "which items are alike: label (those of one class), any, all or jaccard of --label-columns, the name of a column of --labels, or none (only --pairs; labels may then be missing)">] LabelMatch of
        RULE: string
    | [<Unique; CustomCommandLine "--label-columns">] LabelColumns of NAMES: string
    | [<Unique; CustomCommandLine "--label-separator">] LabelSeparator of TEXT: string
    | [<Unique; CustomCommandLine "--label-overlap"; Help "--label-match jaccard: least share of labels in common to be alike (0.5)">] LabelOverlap of
        X: float
    | [<Unique;
        Help "a table path_a,path_b,similar of pairs of images that are alike (1) or not (0), whatever their labels say; paths as in the embeddings or in --labels">] Pairs of
        FILE: string
    | [<Unique>] By of COLUMN: string
    | [<Unique; CustomCommandLine "--recall-at">] RecallAt of K_LIST: string
    | [<Unique; CustomCommandLine "--precision-at">] PrecisionAt of K_LIST: string
    | [<Unique>] Variants
    | [<Unique; CustomCommandLine "--class-averages">] ClassAverages
    | [<Unique; CustomCommandLine "--per-class">] PerClass of FILE: string
    | [<Unique>] Clustering
    | [<Unique; CustomCommandLine "--k-reciprocal">] KReciprocal of K: int
    | [<Unique>] Expand of N: int
    | [<Unique>] Fmr of X_LIST: string
    | [<Unique>] Pcf of X_LIST: string
    | [<Unique; Help "threads for computing; 0 for one per core">] Threads of N: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this
