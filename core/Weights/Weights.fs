/// Loads weights from another training: matches names, knows what may be missing, and reports everything that does not fit.
module CondEmbed.Weights

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open CondEmbed.Encoders
open TorchSharp

/// The result of loading weights.
type Report =
    {
        Loaded: string list
        /// The loaded tensors: our name, and the name in the file.
        Sources: IReadOnlyDictionary<string, string>
        /// The prefix of the names in the file, dot included; empty for none.
        Prefix: string
        /// Other prefixes under which there is as much of the network.
        OtherPrefixes: string list
        /// Tensors of the file outside the prefix, other than the classifier: other networks, losses, optimisers.
        Beside: string list
        /// The share of the encoder's numbers that the weights have; 1 if there is nothing to load.
        Share: float
        /// Parameters of the model that the weights do not have.
        Missing: string list
        /// Tensors of the weights that the model does not have.
        Unexpected: string list
        /// Name, shape found and shape wanted.
        WrongShape: string list
        /// Of the unexpected: the classifier of the weights, which an embedding does not need.
        Classifier: string list
        /// Of the missing: the model's own head, hierarchy and loss, which start fresh.
        Fresh: string list
        /// Of the loaded: what was converted to fit, and how.
        Changed: string list
        /// Which network the weights are for, if it is known and not one of ours.
        Foreign: string option
    }

    member this.Fits = this.Missing.IsEmpty && this.Unexpected.IsEmpty && this.WrongShape.IsEmpty

    override this.ToString() =
        let part title (names: string list) =
            if names.IsEmpty then
                []
            else
                let shown = names |> List.truncate 12 |> List.map (fun name -> "    " + name)

                let more = if names.Length > 12 then [ $"    ... and {names.Length - 12} more" ] else []

                $"  {title}: {names.Length}" :: shown @ more

        let others = String.concat ", " [ for prefix in this.OtherPrefixes -> $"'{prefix.TrimEnd '.'}'" ]

        [ [ $"  loaded: {this.Loaded.Length}" ]
          [ if this.Prefix <> "" then $"  prefix removed: '{this.Prefix}'"
            if others <> "" then $"  there is as much under {others}; weights_part selects it" ]
          [ for network in Option.toList this.Foreign -> $"  these are weights of another network: {network}" ]
          part "changed to fit" this.Changed
          part "missing" this.Missing
          part "unexpected" this.Unexpected
          part "wrongly shaped" this.WrongShape
          part "left out (the classifier of the weights)" this.Classifier
          part "left out (not part of the network)" this.Beside
          part "start fresh (not part of the encoder)" this.Fresh ]
        |> List.concat
        |> String.concat "\n"

let private startsWithAny (prefixes: string list) (name: string) =
    prefixes |> List.exists (fun prefix -> name.StartsWith(prefix, StringComparison.Ordinal))

/// Networks that share most of their names with ours but are different: a name that only they have, and what they are.
let private foreigners =
    [ @"^conv1\.0\.weight$", "a ResNet whose stem is three convolutions (timm's resnet50d, resnet50c, resnet50s)"
      @"\.downsample\.2\.", "a ResNet-D, whose shortcuts average before they convolve (timm's resnet50d)"
      @"\.se\.", "a ResNet with squeeze and excitation"
      @"^stem\.conv|\.preact_bn\.|^norm\.running_mean$", "a ResNet v2, whose norms come before its convolutions"
      @"\.ls1\.gamma$|\.gamma_1$", "a vision transformer with LayerScale (DINOv2, CaiT, BEiT)"
      @"^dist_token$", "a distilled DeiT, which has a second class token"
      @"^register_tokens$|^reg_token$", "a vision transformer with registers"
      @"^fc_norm\.|^norm_pre\.", "a vision transformer with another norm (timm's fc_norm or norm_pre)"
      @"^layers\.\d+\.blocks\.", "a Swin transformer"
      @"attention\.attention\.query\.",
      "a vision transformer of Hugging Face, whose query, key and value are separate tensors (use timm's file instead)" ]

let private foreign (names: string seq) =
    foreigners
    |> List.tryFind (fun (pattern, _) -> names |> Seq.exists (fun name -> Regex.IsMatch(name, pattern)))
    |> Option.map snd

/// Side of the square grid of positions in `pos_embed` 1 1+T C.
let private gridOf (shape: int64 list) =
    match shape with
    | [ 1L; tokens; width ] when tokens > 1L && width > 0L ->
        let side = int64 (round (sqrt (float (tokens - 1L))))
        if side * side = tokens - 1L then Some(side, width) else None
    | _ -> None

/// 1 1+T C -> 1 1+side^2 C: the class token's position unchanged, the others resized like an image: bicubic (a = -0.75), pixel centres
/// aligned, no antialiasing, as in DINO's interpolate_pos_encoding (except for its offset of 0.1, which moves the farthest positions by less than a tenth of one) and
/// torch.nn.functional.interpolate. timm's resample_abs_pos_embed antialiases, which differs where the grid shrinks.
let resizePositions (side: int64) (positions: Tensor) =
    let places = positions.shape[1] - 1L
    let from = int64 (sqrt (float places))
    let grid = positions.narrow(1L, 1L, places).transpose(1L, 2L).unflatten(2L, [| from; from |])

    let resized =
        torch.nn.functional.interpolate (grid, [| side; side |], mode = torch.InterpolationMode.Bicubic, align_corners = Nullable false)

    torch.cat ([| positions.narrow (1L, 0L, 1L); Layers.tokens resized |], 1L)

/// The conversion that makes a tensor of the weights fit, in words and as a function; None if it fits unchanged, or cannot be made to fit.
let change (spec: ParamSpec) (shape: int64 list) : (string * (Tensor -> Tensor)) option =
    match gridOf shape, gridOf spec.Shape with
    | Some(from, width), Some(side, wanted) when spec.Name = "pos_embed" && from <> side && width = wanted ->
        Some($"{spec.Name}: positions resized from {from} x {from} to {side} x {side} (bicubic)", resizePositions side)
    | _ -> None

let private isClassifier = startsWithAny [ "fc."; "classifier."; "head."; "heads." ]
let private isFresh = startsWithAny [ "embedding."; "hierarchy."; "distillation."; "loss." ]

/// Whether a tensor of that shape can become that parameter.
let private suits (spec: ParamSpec) shape = spec.Shape = shape || (change spec shape).IsSome

/// How the names of a file are read for a model. A tensor of another shape counts less than one that fits, but if no name fits with its shape,
/// the names alone decide.
let private naming (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) readings =
    let known = dict [ for spec in specs -> spec.Name, spec ]

    let fits (file: string) ours =
        match known.TryGetValue ours with
        | true, spec -> suits spec shapes[file]
        | _ -> false

    let byShape = WeightNames.find fits readings
    let byName = WeightNames.find (fun _ ours -> known.ContainsKey ours) readings
    if byShape.Names |> List.exists (fun (ours, file) -> fits file ours) then byShape else byName

let private nameOf problem =
    match problem with
    | Missing spec
    | WrongShape(spec, _) -> spec.Name
    | Unexpected name -> name

let private shareOf (specs: ParamSpec list) loaded =
    let own = specs |> List.filter (fun spec -> not (isFresh spec.Name))
    let held = set loaded
    let all = Params.count own
    if all = 0L then 1.0 else float (Params.count (own |> List.filter (fun spec -> held.Contains spec.Name))) / float all

/// The specs of which a tensor of those shapes can be converted to fit, with how; and what is wrong with all others.
let private fitting (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) =
    let changed =
        [ for spec in specs do
              if shapes.ContainsKey spec.Name then
                  for words, _ in Option.toList (change spec shapes[spec.Name]) do
                      spec, words ]

    let fitted =
        readOnlyDict
            [ for KeyValue(name, shape) in shapes do
                  name, shape
              for spec, _ in changed do
                  spec.Name, spec.Shape ]

    List.map snd changed, Params.mismatches specs fitted

/// How the tensors of a file fit a model, but for those that are of no matter under our name.
let private compareBut isNoMatter readings (files: IReadOnlyDictionary<string, int64 list>) (specs: ParamSpec list) : Report =
    let naming = naming specs files readings
    let sources = readOnlyDict (naming.Names |> List.filter (fun (ours, _) -> not (isNoMatter ours)))
    let shapes = readOnlyDict [ for KeyValue(ours, file) in sources -> ours, files[file] ]
    let changed, problems = fitting specs shapes

    let ofKind choose = List.choose choose problems
    let missing = ofKind (fun problem -> if problem.IsMissing then Some(nameOf problem) else None)
    let unexpected = ofKind (fun problem -> if problem.IsUnexpected then Some(nameOf problem) else None)

    let wrong =
        ofKind (function
            | WrongShape(spec, shape) -> Some $"{spec.Name} is {shapeText shape}, the model has {shapeText spec.Shape}"
            | _ -> None)

    let misfits = set (List.map nameOf problems)
    let loaded = specs |> List.map _.Name |> List.filter (misfits.Contains >> not)
    let fresh, missing = missing |> List.partition isFresh
    let classifier, unexpected = unexpected |> List.partition isClassifier
    let otherClassifier, beside = naming.Beside |> List.partition isClassifier

    { Loaded = loaded
      Sources = sources
      Prefix = naming.Prefix
      OtherPrefixes = naming.Others
      Beside = beside
      Share = shareOf specs loaded
      Missing = missing
      Unexpected = unexpected
      WrongShape = wrong
      Classifier = classifier @ otherClassifier
      Fresh = fresh
      Changed = changed
      Foreign = if missing.IsEmpty && unexpected.IsEmpty && wrong.IsEmpty then None else foreign shapes.Keys }

/// Compares the shapes of the tensors of a file, under their names there, with the specs of a model.
let compare (specs: ParamSpec list) (files: IReadOnlyDictionary<string, int64 list>) =
    compareBut (fun _ -> false) (WeightNames.read files.Keys) files specs

/// Every encoder, without a head of ours, and how the tensors of a file fit it. Those that fit come first, then by how much more fits than not. An
/// encoder with learned positions is built for images of 224 px.
let compareAll (files: IReadOnlyDictionary<string, int64 list>) =
    let readings = WeightNames.read files.Keys
    let amiss report = report.Missing.Length + report.Unexpected.Length + report.WrongShape.Length

    [ for { Name = name; About = about; Build = build } in All.all ->
          name, about, compareBut isFresh readings files (build All.usual).Features.Specs ]
    |> List.sortBy (fun (_, _, report) -> not report.Fits, amiss report - report.Loaded.Length)
