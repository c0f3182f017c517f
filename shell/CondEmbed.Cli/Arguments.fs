/// The arguments of the commands.
module CondEmbed.Cli.Arguments

open Argu
open CondEmbed.Cli
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Interop
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Reports
open CondEmbed.Health
open CondEmbed.Studies

[<RequireQualifiedAccess>]
type TrainArgument =
    | [<MainCommand; Unique>] Data of DATA: string
    | [<Unique>] Dataset of NAME: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Out of DIR: string
    | [<Unique>] Resume of RUN: string
    | [<Unique>] Encoder of NAME: string
    | [<Unique>] Weights of FILE: string
    | [<Unique>] Embedding of D: string
    | [<Unique>] Levels of N: string
    | [<Unique>] Heads of H: string
    | [<Unique>] Loss of NAME: string
    | [<Unique>] Steps of N: string
    | [<Unique>] Epochs of N: string
    | [<Unique>] Batch of N: string
    | [<Unique; CustomCommandLine "--per-class">] PerClass of M: string
    | [<Unique>] Lr of X: string
    | [<Unique>] Size of PX: string
    | [<Unique>] Seed of N: string
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: string
    | [<Unique>] Workers of N: string
    | [<Unique>] Cache of DIR: string
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique; CustomCommandLine "--shared-classes">] SharedClasses
    | [<Unique>] Split of RULE: string
    | [<Unique>] Tensorboard
    | [<Unique>] Json
    | Set of KEY_VALUE: string
    | [<CustomCommandLine "--list-settings">] ListSettings

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Data _ ->
                DataCommand.embedded ()
                + " (these ship with the program; the first is the default), a folder of class folders, a CSV / TSV table, or the folder of a published set"
            | Dataset _ -> "the same as DATA"
            | Config _ -> "a TOML file of settings, named as in --list-settings or as these options; the command line wins"
            | Out _ -> "a new folder for the run; by default one under ./runs"
            | Resume _ ->
                "continue a run that was stopped or killed, with its own settings; DATA says where its images are now; --steps or --epochs train a finished run for that many more"
            | Encoder _ -> String.concat ", " RunSettings.Encoders
            | Weights _ -> "the encoder's weights to start from: .safetensors, .pth, .pt or .bin"
            | Embedding _ -> "features of an embedding"
            | Levels _ -> "levels of conditional embeddings during training; 0 is the baseline"
            | Heads _ -> "heads of the cross-attention"
            | Loss _ ->
                "a loss, or a weighted sum such as 'supcon + 0.5 * proxy-anchor': "
                + String.concat ", " RunSettings.Losses
            | Steps _ -> "training steps"
            | Epochs _ -> "training length in epochs instead of steps"
            | Batch _ -> "images in a batch"
            | PerClass _ -> "images of each class in a batch"
            | Lr _ -> "learning rate"
            | Size _ -> "side of the images that the network sees, in pixels"
            | Seed _ -> "seed of parameters, batches and augmentation"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Threads _ -> DataCommand.threadsUsage
            | Workers _ -> DataCommand.workersUsage
            | Cache _ -> "a folder for a file of decoded images, which later epochs and runs read instead of decoding"
            | SkipBad -> "leave out images that cannot be read, instead of stopping before training"
            | Layout _ -> DataCommand.layoutUsage ()
            | AllowSubset -> DataCommand.subsetUsage
            | SharedClasses -> DataCommand.sharedUsage
            | Split _ -> "how classes are split: auto (as the data says, otherwise hash), hash, first-half (of the sorted names)"
            | Tensorboard -> "also write TensorBoard event files, into the folder 'tensorboard' of the run"
            | Json -> Output.eventsUsage
            | Set _ -> "any other setting, as in --set loss_settings.alpha=2; may be repeated"
            | ListSettings -> "print every setting with its default and meaning, and stop"

[<RequireQualifiedAccess>]
type EmbedArgument =
    | [<MainCommand; Mandatory>] Embed_What of RUN_AND_IMAGES: string list
    | [<Mandatory; Unique>] Out of FILE: string
    | [<Unique>] Shard of I_OF_N: string
    | [<Unique>] Again
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique>] Best
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Embed_What _ ->
                "the run's folder (or a model file, or an exported .onnx file), then the images: a folder, a table, an image, or "
                + DataCommand.embedded ()
            | Out _ -> ".npy, .csv, .jsonl or .parquet, with paths, and labels if there are any; a folder with --shard"
            | Shard _ ->
                "i/N: only the i-th of N equal parts of the work, into its own Parquet file; parts that are done already are left alone"
            | Again -> "write the shard again, even if it exists"
            | SkipBad -> DataCommand.skipUsage
            | Layout _ -> DataCommand.layoutUsage ()
            | AllowSubset -> DataCommand.subsetUsage
            | Best -> "use the network that did best on the validation classes instead of the last one"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Threads _ -> DataCommand.threadsUsage
            | Workers _ -> DataCommand.workersUsage
            | Json -> Output.eventsUsage

[<RequireQualifiedAccess>]
type SearchArgument =
    | [<MainCommand; Mandatory; Unique>] Run of RUN: string
    | [<Unique>] Gallery of DIR: string
    | [<Unique>] Store of ADDRESS: string
    | [<Mandatory; Unique>] Query of FILE_OR_DIR: string
    | [<Unique>] Top of K: int
    | [<Unique>] Exact
    | [<Unique>] Label of NAME: string
    | [<Unique>] Rerank of K: int
    | [<Unique; CustomCommandLine "--rerank-by">] RerankBy of NAME: string
    | [<Unique>] Json
    | [<Unique>] Html of FILE: string
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique>] Best
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Run _ -> "the run's folder, a model file or an exported .onnx file"
            | Gallery _ -> "the images to search in: a folder, a table, or " + DataCommand.embedded ()
            | Store _ -> "instead of a gallery, a store filled by 'condembed index': " + Stores.usage
            | Query _ -> "the image to search for, or a folder of them"
            | Top _ -> "how many images to find (10)"
            | Exact -> "in a store: compare with every image, instead of only those that its index suggests"
            | Label _ -> "only images with this label"
            | Rerank _ -> "re-rank the K nearest by the similarities of the run's levels"
            | RerankBy _ -> Meaning.rerankBy
            | Json -> "print one JSON document on standard output, and nothing else"
            | Html _ -> "write a page with the images"
            | SkipBad -> DataCommand.skipUsage
            | Layout _ -> "of the gallery: " + DataCommand.layoutUsage ()
            | Best -> "use the network that did best on the validation classes instead of the last one"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Threads _ -> DataCommand.threadsUsage
            | Workers _ -> DataCommand.workersUsage

[<RequireQualifiedAccess>]
type PreviewArgument =
    | [<MainCommand; Mandatory; Unique>] Source of DATA_OR_IMAGE: string
    | [<Mandatory; Unique>] Out of FILE: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Layout of NAME: string
    | [<Unique>] Resize of N: string
    | [<Unique>] Size of N: string
    | [<Unique>] Crop of N: string
    | [<Unique>] Filter of NAME: string
    | [<Unique>] Encoder of NAME: string
    | Set of KEY_VALUE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Source _ -> "an image, for its test view alone; or data, for a sheet of test views and training views"
            | Out _ -> "a PNG file"
            | Config _ -> "settings in a TOML file"
            | Layout _ -> DataCommand.layoutUsage ()
            | Resize _ -> "short side before the crop, in pixels"
            | Size _ -> "side of the square that the network sees, in pixels; without --resize, the short side before the crop follows it"
            | Crop _ -> "the same as --size"
            | Filter _ -> "bilinear or bicubic"
            | Encoder _ -> "the encoder whose default settings to start from"
            | Set _ -> "any other setting, as in --set augment=none"

[<HelpDescription(Overview.HelpMeaning)>]
type Command =
    | [<CliPrefix(CliPrefix.None)>] Train of ParseResults<TrainArgument>
    | [<CliPrefix(CliPrefix.None)>] Study of ParseResults<StudyCommand.StudyArgument>
    | [<CliPrefix(CliPrefix.None)>] Compare of ParseResults<CompareCommand.CompareArgument>
    | [<CliPrefix(CliPrefix.None)>] Evaluate of ParseResults<EvaluateArgument>
    | [<CliPrefix(CliPrefix.None)>] Metrics of ParseResults<MetricsArgument>
    | [<CliPrefix(CliPrefix.None)>] Embed of ParseResults<EmbedArgument>
    | [<CliPrefix(CliPrefix.None)>] Index of ParseResults<IndexCommand.IndexArgument>
    | [<CliPrefix(CliPrefix.None)>] Search of ParseResults<SearchArgument>
    | [<CliPrefix(CliPrefix.None)>] Explain of ParseResults<ExplainCommand.ExplainArgument>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportCommand.ExportArgument>
    | [<CliPrefix(CliPrefix.None)>] Loss of ParseResults<LossCommand.LossArgument>
    | [<CliPrefix(CliPrefix.None)>] Preview of ParseResults<PreviewArgument>
    | [<CliPrefix(CliPrefix.None)>] Doctor of ParseResults<DoctorCommand.DoctorArgument>
    | [<CliPrefix(CliPrefix.None)>] Weights of ParseResults<WeightsCommand.WeightsArgument>
    | [<CliPrefix(CliPrefix.None)>] Data of ParseResults<DataCommand.DataArgument>
    | [<CliPrefix(CliPrefix.None)>] Config of ParseResults<ConfigArguments.ConfigArgument>
    | [<CliPrefix(CliPrefix.None)>] Completion of ParseResults<CompletionCommand.CompletionArgument>
    | [<Inherit>] Quiet
    | [<Inherit; CustomCommandLine "--max-megapixels">] MaxMegapixels of MP: string
    | Version

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Train _ -> Overview.meaning "train"
            | Study _ -> Overview.meaning "study"
            | Compare _ -> Overview.meaning "compare"
            | Evaluate _ -> Overview.meaning "evaluate"
            | Metrics _ -> Overview.meaning "metrics"
            | Embed _ -> Overview.meaning "embed"
            | Index _ -> Overview.meaning "index"
            | Search _ -> Overview.meaning "search"
            | Explain _ -> Overview.meaning "explain"
            | Export _ -> Overview.meaning "export"
            | Loss _ -> Overview.meaning "loss"
            | Preview _ -> Overview.meaning "preview"
            | Doctor _ -> Overview.meaning "doctor"
            | Weights _ -> Overview.meaning "weights"
            | Data _ -> Overview.meaning "data"
            | Config _ -> Overview.meaning "config"
            | Completion _ -> Overview.meaning "completion"
            | Quiet -> Overview.meaning "--quiet"
            | MaxMegapixels _ -> Overview.meaning "--max-megapixels <MP>"
            | Version -> Overview.meaning "--version"

/// The examples at the end of each command's help.
let examples =
    Map
        [ "train",
          [ "condembed train", "the bundled emoji, in a few minutes on a CPU"
            "condembed train photos --encoder resnet50 --weights resnet50.safetensors --epochs 20",
            "your own class folders, from ImageNet weights"
            "condembed train --config run.toml --levels 0 --out runs/baseline", "the settings of a file, except for one: the baseline"
            "condembed train --resume runs/baseline", "continue a run that was stopped"
            "condembed train --resume runs/baseline --epochs 5", "train a finished run further" ]
          "study",
          [ "condembed study study.toml --jobs 2", "all runs of the study, two at a time, into studies/study"
            "condembed study study.toml --dry-run", "which runs there are, and which are done" ]
          "compare", CompareCommand.examples
          "evaluate",
          [ "condembed evaluate runs/first", "the held-out classes of its own data"
            "condembed evaluate runs/first photos --json", "another data set, for a script"
            "condembed evaluate runs/first --rerank 100", "re-ranks the 100 nearest by the levels: the gain, and what it costs" ]
          "metrics",
          [ "condembed metrics embeddings.json --json", "embeddings and labels from one file"
            "condembed metrics embeddings.npy --labels labels.csv --clustering --per-class classes.csv", "from NumPy"
            "condembed metrics query.parquet --gallery gallery.parquet --recall-at 1,10,20,30,40,50", "queries against a gallery" ]
          "embed",
          [ "condembed embed runs/first photos --out photos.parquet", "a table of path, label, embedding"
            "condembed embed runs/first photos --out shards --shard 3/8", "part three of eight, on one of eight machines" ]
          "index", IndexCommand.examples
          "search",
          [ "condembed search runs/first --gallery photos --query new.jpg --top 5", "the five most similar photos"
            "condembed search runs/first --gallery photos --query new --html found.html", "a page for a folder of queries"
            "condembed search runs/first --gallery photos --query new.jpg --rerank 100", "each image in the light of the query"
            "condembed search runs/first --store 'postgres://me@localhost/catalogue' --query new.jpg",
            "in a store filled by 'condembed index'" ]
          "explain", ExplainCommand.examples
          "export", ExportCommand.examples
          "loss",
          [ "condembed loss --list", "every loss, miner, reducer and distance with its settings"
            "condembed loss 'triplet(margin=0.3)' batch.json --set miner=semi-hard --json", "value and gradients in float64" ]
          "preview",
          [ "condembed preview photos --out sheet.png --encoder resnet50", "test views and training views of some images"
            "condembed preview cat.jpg --out view.png --resize 256 --crop 224 --filter bicubic", "exactly what the network gets" ]
          "weights", WeightsCommand.examples
          "doctor", DoctorCommand.examples
          "data", DataCommand.examples
          "config", ConfigArguments.examples
          "completion", CompletionCommand.examples ]
