/// Taking up the weights of another training: names, what may be missing, and a report of everything that does not fit.
module CondEmbed.Weights

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open CondEmbed.Encoders
open TorchSharp

/// What a loading found.
type Report =
    {
        Loaded: string list
        /// Parameters of the model that the weights do not have.
        Missing: string list
        /// Tensors of the weights that the model does not have.
        Unexpected: string list
        /// Name, shape found and shape wanted.
        WrongShape: string list
        /// Of the unexpected: the classifier of the weights, which an embedding has no use for.
        Classifier: string list
        /// Of the missing: the model's own head, hierarchy and loss, which start fresh.
        Fresh: string list
        /// Of the loaded: what was changed to fit, and how.
        Changed: string list
        /// What network the weights are for where that is known and it is none of ours.
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

        [ [ $"  loaded: {this.Loaded.Length}" ]
          [ for network in Option.toList this.Foreign -> $"  these are weights of another network: {network}" ]
          part "changed to fit" this.Changed
          part "missing" this.Missing
          part "unexpected" this.Unexpected
          part "wrongly shaped" this.WrongShape
          part "left out (the classifier of the weights)" this.Classifier
          part "start fresh (not of the encoder)" this.Fresh ]
        |> List.concat
        |> String.concat "\n"

let private startsWithAny (prefixes: string list) (name: string) =
    prefixes |> List.exists (fun prefix -> name.StartsWith(prefix, StringComparison.Ordinal))

/// torchvision's vision transformer -> timm's names, which are ours. Both stack query, key and value in this order.
let private transformerNames =
    [ @"^class_token$", "cls_token"
      @"^pos_embedding$", "pos_embed"
      @"^conv_proj\.", "patch_embed.proj."
      @"^ln\.", "norm."
      @"^layers\.encoder_layer_(\d+)\.", "blocks.$1."
      @"^(blocks\.\d+)\.ln_([12])\.", "$1.norm$2."
      @"^(blocks\.\d+)\.self_attention\.in_proj_", "$1.attn.qkv."
      @"^(blocks\.\d+)\.self_attention\.out_proj\.", "$1.attn.proj."
      @"^(blocks\.\d+)\.mlp\.(?:0|linear_1)\.", "$1.mlp.fc1."
      @"^(blocks\.\d+)\.mlp\.(?:3|linear_2)\.", "$1.mlp.fc2." ]

/// Every rename in one place: a tensor's name in other programs' files -> its name here; None for what has no meaning here.
let rename (name: string) =
    let stripped =
        (name, [ "module."; "model."; "backbone."; "encoder." ])
        ||> List.fold (fun name prefix -> if name.StartsWith(prefix, StringComparison.Ordinal) then name.Substring prefix.Length else name)

    if stripped.EndsWith("num_batches_tracked", StringComparison.Ordinal) then
        None
    else
        Some(
            (stripped, transformerNames)
            ||> List.fold (fun name (pattern, ours) -> Regex.Replace(name, pattern, ours))
        )

/// Networks that look like ours by most of their names and are not: a name that only they have, and what they are.
let private foreigners =
    [ @"^conv1\.0\.weight$", "a ResNet whose stem is three convolutions (timm's resnet50d, resnet50c, resnet50s)"
      @"\.downsample\.2\.", "a ResNet-D, whose shortcuts average before they convolve (timm's resnet50d)"
      @"\.se\.", "a ResNet with squeeze and excitation"
      @"^stem\.conv|\.preact_bn\.|^norm\.running_mean$", "a ResNet v2, whose norms come before its convolutions"
      @"\.ls1\.gamma$|\.gamma_1$", "a vision transformer with LayerScale (DINOv2, CaiT, BEiT)"
      @"^dist_token$", "a distilled DeiT, which has a second class token"
      @"^register_tokens$|^reg_token$", "a vision transformer with registers"
      @"^fc_norm\.|^norm_pre\.", "a vision transformer with another norm (timm's fc_norm or norm_pre)"
      @"^layers\.\d+\.blocks\.", "a Swin transformer" ]

let private foreign (names: string seq) =
    foreigners
    |> List.tryFind (fun (pattern, _) -> names |> Seq.exists (fun name -> Regex.IsMatch(name, pattern)))
    |> Option.map snd

/// Side of the square grid of places of `pos_embed` 1 1+T C.
let private gridOf (shape: int64 list) =
    match shape with
    | [ 1L; tokens; width ] when tokens > 1L && width > 0L ->
        let side = int64 (round (sqrt (float (tokens - 1L))))
        if side * side = tokens - 1L then Some(side, width) else None
    | _ -> None

/// 1 1+T C -> 1 1+side^2 C: the class token's position as it is, the others as a picture that is resized: bicubic (a = -0.75), pixel centres
/// aligned, no antialiasing, as in DINO's interpolate_pos_encoding (but for its 0.1, which moves the far places by less than a tenth of one) and
/// torch.nn.functional.interpolate. timm's resample_abs_pos_embed antialiases, which differs where the grid shrinks.
let resizePositions (side: int64) (positions: Tensor) =
    let places = positions.shape[1] - 1L
    let from = int64 (sqrt (float places))
    let grid = positions.narrow(1L, 1L, places).transpose(1L, 2L).unflatten(2L, [| from; from |])

    let resized =
        torch.nn.functional.interpolate (grid, [| side; side |], mode = torch.InterpolationMode.Bicubic, align_corners = Nullable false)

    torch.cat ([| positions.narrow (1L, 0L, 1L); Layers.tokens resized |], 1L)

/// What makes a tensor of the weights fit: in words, and as a function; None where it fits as it is, or cannot be made to.
let change (spec: ParamSpec) (shape: int64 list) : (string * (Tensor -> Tensor)) option =
    match gridOf shape, gridOf spec.Shape with
    | Some(from, width), Some(side, wanted) when spec.Name = "pos_embed" && from <> side && width = wanted ->
        Some($"{spec.Name}: the positions of {from} x {from} places resized to {side} x {side} (bicubic)", resizePositions side)
    | _ -> None

let private isClassifier = startsWithAny [ "fc."; "classifier."; "head."; "heads." ]
let private isFresh = startsWithAny [ "embedding."; "hierarchy."; "loss." ]

/// Compares the shapes of weights, under their renamed names, with the specs of a model.
let compare (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) : Report =
    let changed =
        [ for spec in specs do
              match shapes.TryGetValue spec.Name with
              | true, shape -> yield! change spec shape |> Option.map (fun (words, _) -> spec, words) |> Option.toList
              | _ -> () ]

    let fitted = Dictionary<string, int64 list> shapes

    for spec, _ in changed do
        fitted[spec.Name] <- spec.Shape

    let found = Params.mismatches specs fitted
    let names choose = found |> List.choose choose

    let missing =
        names (function
            | Missing spec -> Some spec.Name
            | _ -> None)

    let unexpected =
        names (function
            | Unexpected name -> Some name
            | _ -> None)

    let wrong =
        names (function
            | WrongShape(spec, shape) -> Some(spec.Name, shape, spec.Shape)
            | _ -> None)

    let misfits = set (missing @ [ for name, _, _ in wrong -> name ])
    let fresh, missing = missing |> List.partition isFresh
    let classifier, unexpected = unexpected |> List.partition isClassifier

    { Loaded =
        [ for spec in specs do
              if not (misfits.Contains spec.Name) then spec.Name ]
      Missing = missing
      Unexpected = unexpected
      WrongShape = [ for name, shape, wanted in wrong -> $"{name} is {shapeText shape}, the model has {shapeText wanted}" ]
      Classifier = classifier
      Fresh = fresh
      Changed = List.map snd changed
      Foreign = if missing.IsEmpty && unexpected.IsEmpty && wrong.IsEmpty then None else foreign shapes.Keys }

/// Every encoder with how the weights fit it, under their renamed names and without a head of ours; those that fit first, then by how much more
/// fits than not. An encoder that learns its positions is taken for pictures of 224 px.
let compareAll (shapes: IReadOnlyDictionary<string, int64 list>) =
    let shapes = Dictionary(shapes |> Seq.filter (fun pair -> not (isFresh pair.Key)))
    let amiss report = report.Missing.Length + report.Unexpected.Length + report.WrongShape.Length

    [ for name, about, build in All.all -> name, about, compare (build { Size = 224; FrozenNorm = false }).Features.Specs shapes ]
    |> List.sortBy (fun (_, _, report) -> not report.Fits, amiss report - report.Loaded.Length)
