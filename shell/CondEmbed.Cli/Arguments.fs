/// The arguments of the commands.
module CondEmbed.Cli.Arguments

open Argu
open CondEmbed.Cli.MeasureArguments

[<RequireQualifiedAccess>]
type TrainArgument =
    | [<MainCommand;
        Unique;
        Help "{bundled} (these ship with the program; the first is the default), a folder of class folders, a CSV / TSV table, or the folder of a published set">] Data of
        DATA: string
    | [<Unique; Help "the same as DATA">] Dataset of NAME: string
    | [<Unique; Help "a TOML file of settings, named as in --list-settings or as these options; the command line wins">] Config of
        FILE: string
    | [<Unique; Help "a new folder for the run; by default one under ./runs">] Out of DIR: string
    | [<Unique;
        Help "continue a run that was stopped or killed, with its own settings; DATA says where its images are now; --steps or --epochs train a finished run for that many more">] Resume of
        RUN: string
    | [<Unique; Help "{encoders}">] Encoder of NAME: string
    | [<Unique; Help "the encoder's weights to start from: .safetensors, .pth, .pt or .bin; or imagenet">] Weights of FILE: string
    | [<Unique; Help "features of an embedding">] Embedding of D: string
    | [<Unique; Help "levels of conditional embeddings during training; 0 is the baseline">] Levels of N: string
    | [<Unique; Help "heads of the cross-attention">] Heads of H: string
    | [<Unique; Help "a loss, or a weighted sum such as 'supcon + 0.5 * proxy-anchor': {losses}">] Loss of NAME: string
    | [<Unique; Help "training steps">] Steps of N: string
    | [<Unique; Help "training length in epochs instead of steps">] Epochs of N: string
    | [<Unique; Help "images in a batch">] Batch of N: string
    | [<Unique; CustomCommandLine "--per-class"; Help "images of each class in a batch">] PerClass of M: string
    | [<Unique; Help "learning rate">] Lr of X: string
    | [<Unique; Help "side of the images that the network sees, in pixels">] Size of PX: string
    | [<Unique; Help "seed of parameters, batches and augmentation">] Seed of N: string
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: string
    | [<Unique>] Workers of N: string
    | [<Unique; Help "a folder for a file of decoded images, which later epochs and runs read instead of decoding">] Cache of DIR: string
    | [<Unique; CustomCommandLine "--skip-bad"; Help "leave out images that cannot be read, instead of stopping before training">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique; CustomCommandLine "--shared-classes">] SharedClasses
    | [<Unique; Help "how classes are split: auto (as the data says, otherwise hash), hash, first-half (of the sorted names)">] Split of
        RULE: string
    | [<Unique; Help "also write TensorBoard event files, into the folder 'tensorboard' of the run">] Tensorboard
    | [<Unique; CustomCommandLine "--no-initial-evaluation"; Help "do not measure the test classes before training">] NoInitialEvaluation
    | [<Unique; Help "{events}">] Json
    | [<Help "any other setting, as in --set loss_settings.alpha=2; may be repeated">] Set of KEY_VALUE: string
    | [<CustomCommandLine "--list-settings"; Help "print every setting with its default and meaning, and stop">] ListSettings

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type EmbedArgument =
    | [<MainCommand;
        Mandatory;
        Help "the run's folder (or a model file, or an exported .onnx file), then the images: a folder, a table, an image, or {bundled}">] Embed_What of
        RUN_AND_IMAGES: string list
    | [<Mandatory; Unique; Help ".npy, .csv, .jsonl or .parquet, with paths, and labels if there are any; a folder with --shard">] Out of
        FILE: string
    | [<Unique;
        Help "i/N: only the i-th of N equal parts of the work, into its own Parquet file; parts that are done already are left alone; auto: the part that a Slurm array, an indexed Kubernetes job, mpirun, srun or torchrun gives to this process">] Shard of
        I_OF_N: string
    | [<Unique; Help "write the shard again, even if it exists">] Again
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique>] Best
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int
    | [<Unique; Help "{events}">] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type SearchArgument =
    | [<MainCommand; Mandatory; Unique; Help "the run's folder, a model file or an exported .onnx file">] Run of RUN: string
    | [<Unique; Help "the images to search in: a folder, a table, or {bundled}">] Gallery of DIR: string
    | [<Unique; Help "instead of a gallery, a store filled by 'condembed index': {store}">] Store of ADDRESS: string
    | [<Mandatory; Unique; Help "the image to search for, or a folder of them">] Query of FILE_OR_DIR: string
    | [<Unique; Help "how many images to find (10)">] Top of K: int
    | [<Unique; Help "in a store: compare with every image, instead of only those that its index suggests">] Exact
    | [<Unique; Help "only images with this label">] Label of NAME: string
    | [<Unique; Help "re-rank the K nearest by the similarities of the run's levels">] Rerank of K: int
    | [<Unique; CustomCommandLine "--rerank-by">] RerankBy of NAME: string
    | [<Unique; CustomCommandLine "--rerank-temperature">] RerankTemperature of T: float
    | [<Unique>] Json
    | [<Unique; Help "write a page with the images">] Html of FILE: string
    | [<Unique; CustomCommandLine "--skip-bad">] SkipBad
    | [<Unique; Help "of the gallery: {layout}">] Layout of NAME: string
    | [<Unique>] Best
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type ImportArgument =
    | [<MainCommand;
        Mandatory;
        Unique;
        Help "the checkpoint: a .pth, .pt, .ckpt, .bin or .safetensors file with the encoder, and with the linear layer that makes the embeddings, unless --head has that">] Checkpoint of
        CHECKPOINT: string
    | [<Unique; Help "the file with the linear layer; of trunk_best.pth it is embedder_best.pth beside it">] Head of FILE: string
    | [<Unique; Help "which of several networks to take: a key of the checkpoint's dictionary, or what its tensors' names begin with">] Part of
        NAME: string
    | [<Mandatory; Unique; Help "a new folder for the run">] Out of DIR: string
    | [<Unique; Help "the encoder, if its tensors do not say it: {encoders}">] Encoder of NAME: string
    | [<Unique;
        Help "features of an embedding, to be sure; 0 leaves the linear layer out, 1000 takes the scores of ImageNet's classifier, which is left out otherwise">] Embedding of
        D: string
    | [<Unique; Help "the pooling, if it is not the mean (or the class token of a vit)">] Pooling of NAME: string
    | [<Unique; Help "the power of GeM pooling, if the checkpoint does not have it: open-metric-learning's gem_p">] Power of P: string
    | [<Unique;
        CustomCommandLine "--leave-out";
        Help "tensors that are no part of the network: patterns over their names, as in 'fc.*,ema.*'">] LeaveOut of PATTERNS: string
    | [<Unique; Help "data to measure it on, as for training: {bundled}, a folder, a table">] Data of DATA: string
    | [<Help "how images are prepared, as in --set size=224, --set resize=256, --set filter=bicubic; may be repeated">] Set of
        KEY_VALUE: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type PreviewArgument =
    | [<MainCommand; Mandatory; Unique; Help "an image, for its test view alone; or data, for a sheet of test views and training views">] Source of
        DATA_OR_IMAGE: string
    | [<Mandatory; Unique; Help "a PNG file">] Out of FILE: string
    | [<Unique; Help "settings in a TOML file">] Config of FILE: string
    | [<Unique>] Layout of NAME: string
    | [<Unique; Help "short side before the crop, in pixels">] Resize of N: string
    | [<Unique; Help "side of the square that the network sees, in pixels; without --resize, the short side before the crop follows it">] Size of
        N: string
    | [<Unique; Help "the same as --size">] Crop of N: string
    | [<Unique; Help "bilinear or bicubic">] Filter of NAME: string
    | [<Unique; Help "the encoder whose default settings to start from">] Encoder of NAME: string
    | [<Help "any other setting, as in --set augment=none">] Set of KEY_VALUE: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<HelpDescription(Overview.HelpMeaning)>]
type Command =
    | [<CliPrefix(CliPrefix.None)>] Train of ParseResults<TrainArgument>
    | [<CliPrefix(CliPrefix.None)>] Study of ParseResults<StudyCommand.StudyArgument>
    | [<CliPrefix(CliPrefix.None)>] Compare of ParseResults<CompareCommand.CompareArgument>
    | [<CliPrefix(CliPrefix.None)>] Card of ParseResults<CardCommand.CardArgument>
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
    | [<CliPrefix(CliPrefix.None)>] Import of ParseResults<ImportArgument>
    | [<CliPrefix(CliPrefix.None)>] Data of ParseResults<DataCommand.DataArgument>
    | [<CliPrefix(CliPrefix.None)>] Config of ParseResults<ConfigArguments.ConfigArgument>
    | [<CliPrefix(CliPrefix.None)>] Completion of ParseResults<CompletionCommand.CompletionArgument>
    | [<Inherit>] Quiet
    | [<Inherit; CustomCommandLine "--max-megapixels">] MaxMegapixels of MP: string
    | Version

    interface IArgParserTemplate with
        member this.Usage = Overview.meaning (Help.nameOf this)

/// The examples at the end of each command's help.
let examples =
    Map
        [ "train",
          [ "condembed train", "the bundled emoji, in a few minutes on a CPU"
            "condembed train photos --epochs 20",
            "your own class folders; photographs start from a ResNet-18 trained on ImageNet, which is fetched once"
            "condembed train photos --encoder resnet50 --weights resnet50.safetensors --epochs 20", "the same from weights of your own"
            "condembed train --config run.toml --levels 0 --out runs/baseline", "the settings of a file, except for one: the baseline"
            "condembed train --resume runs/baseline", "continue a run that was stopped"
            "condembed train --resume runs/baseline --epochs 5", "train a finished run further" ]
          "study",
          [ "condembed study study.toml --jobs 2", "all runs of the study, two at a time, into studies/study"
            "condembed study study.toml --dry-run", "which runs there are, and which are done" ]
          "compare", CompareCommand.examples
          "card", CardCommand.examples
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
            "condembed embed runs/first photos --out shards --shard 3/8", "part three of eight, on one of eight machines"
            "condembed embed runs/first photos --out shards --shard auto", "the part that the scheduler or mpirun gives to this process" ]
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
          "import",
          [ "condembed import trunk_best.pth --out runs/pml", "pytorch-metric-learning's trunk, and embedder_best.pth beside it"
            "condembed import last.ckpt --power 3 --data photos --out runs/oml",
            "open-metric-learning's extractor with gem_p = 3, and how well it does"
            "condembed import resnet50.pth --out runs/imagenet", "of ImageNet: the pooled features, without the classifier" ]
          "doctor", DoctorCommand.examples
          "data", DataCommand.examples
          "config", ConfigArguments.examples
          "completion", CompletionCommand.examples ]
