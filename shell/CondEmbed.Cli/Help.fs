/// What options mean. The help of an option stands beside it; here stands that of options which several commands have.
namespace CondEmbed.Cli

open System
open System.Text.Json
open CondEmbed.Datasets
open CondEmbed.Interop
open FSharp.Reflection

/// The help of an option; a name in braces stands for a text of `Help`. An option without it has the help that `Help` holds under its name.
type HelpAttribute(meaning: string) =
    inherit Attribute()
    member _.Meaning = meaning

module Help =
    let private bundled = String.Join(" or ", [ for name in ImageDatasets.EmbeddedNames -> $"'{name}'" ])

    let private texts =
        lazy
            [ "json", "print one JSON document on standard output, and nothing else"
              "events", "events as lines of JSON on standard output and nothing else there; docs/cli.md has their fields"
              "best", "use the network that did best on the validation classes instead of the last one"
              "device", "auto, cpu, cuda or cuda:N"
              "threads", "threads for computing, and for reading images if --workers is not given; 0 for one per core"
              "workers", "threads for reading images; 0 for as many as --threads"
              "skip-bad", "leave out images that cannot be used, instead of stopping at the first; this decodes every image once more"
              "layout", String.Join(", ", ImageDatasets.LayoutNames) + "; recognised from the files by default"
              "allow-subset", "go on with a published set that is incomplete; every result is then marked as being of a subset"
              "shared-classes", "training and test may share classes, as in train/ and test/ folders for classification"
              "label-match",
              "which images are alike: label (those of one class), any, all or jaccard of --label-columns, the name of a column, or none (only --pairs); by default what the run was trained by, and with other data label"
              "label-columns", "columns of labels in the table, by each of which to measure too, as in colour,shape"
              "label-separator", "what stands between several labels in one field of --label-columns, such as ';'"
              "by", "also the metrics of the queries with each label of a column, such as category or one of --label-columns"
              "pairs", "a table path_a,path_b,similar of pairs of images that are alike (1) or not (0), whatever their labels say"
              "recall-at", "the K of Recall@K (CMC@K against a gallery), as in 1,10,20"
              "precision-at", "also precision@K and MAP@K as open-metric-learning defines them, as in 5,10"
              "variants", "also the variants of papers: Recall@K by threshold, MAP@R with an R that counts the query"
              "class-averages", "also the mean over classes of each class's mean"
              "per-class", "write a CSV file with the metrics of each class, worst first"
              "clustering", "also NMI, AMI and F1 of a k-means clustering with as many clusters as classes"
              "k-reciprocal", "also with the K nearest of each query re-ranked by the neighbours that they share with it, as in 100"
              "expand", "also with each query expanded by its N nearest, as in 10"
              "fmr", "also the false non-match rate at these false match rates, as in 0.01,0.1"
              "pcf", "also the fraction of principal components for these shares of the variance, as in 0.5,0.9"
              "rerank-by",
              "what to re-rank by: mean (of the cosine and all levels, the default), last (the last level) or cosine (of any run with mean pooling: the mean of the cosine and of attention without parameters)"
              "rerank-temperature", "--rerank-by cosine: the temperature of the attention (0.2)"
              "store", Stores.usage
              "bundled", bundled
              "encoders", String.Join(", ", CoreSettings.Encoders)
              "losses", String.Join(", ", CoreSettings.Losses) ]

    let private caseOf (argument: 'T) = FSharpValue.GetUnionFields(argument, typeof<'T>)

    /// The name of an option or a command, as it is typed after its dashes: `per-class` for `PerClass`.
    let nameOf argument = JsonNamingPolicy.KebabCaseLower.ConvertName((fst (caseOf argument)).Name)

    /// The help of an option.
    let meaningOf argument =
        let own =
            (fst (caseOf argument)).GetCustomAttributes typeof<HelpAttribute>
            |> Seq.tryHead
            |> Option.map (fun help -> (help :?> HelpAttribute).Meaning)

        (Option.defaultValue $"{{{nameOf argument}}}" own, texts.Value)
        ||> List.fold (fun text (name, meaning) -> text.Replace($"{{{name}}}", meaning))

    let private valueOf argument = caseOf argument |> snd |> Array.tryHead |> Option.map string |> Option.defaultValue "true"

    /// The setting of a run that is named as the option, with the option's value; a flag stands for true.
    let settingOf argument = Given("--" + nameOf argument, (nameOf argument).Replace('-', '_'), valueOf argument)

    /// The options that were given, by their names, with their values; a flag stands for true.
    let given (arguments: Argu.ParseResults<'T>) = Map [ for argument in arguments.GetAllResults() -> nameOf argument, valueOf argument ]
