/// Maps the names of tensors in other programs' files to ours.
module CondEmbed.WeightNames

open System
open System.Collections.Generic
open System.Globalization
open System.Text.RegularExpressions

let private pattern text = Regex(text, RegexOptions.CultureInvariant)

/// Parts that wrappers insert anywhere in a name: torch.compile, FSDP, recomputed activations.
let private wrappers = pattern @"(?<=^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."

/// torchvision's vision transformer -> timm's names, which are ours. Both stack query, key and value in this order.
let private transformerNames =
    [ @"^class_token$", "cls_token"
      @"^(?:encoder\.)?pos_embedding$", "pos_embed"
      @"^conv_proj\.", "patch_embed.proj."
      @"^(?:encoder\.)?ln\.", "norm."
      @"^(?:encoder\.)?layers\.encoder_layer_(\d+)\.", "blocks.$1."
      @"^(blocks\.\d+)\.ln_([12])\.", "$1.norm$2."
      @"^(blocks\.\d+)\.self_attention\.in_proj_", "$1.attn.qkv."
      @"^(blocks\.\d+)\.self_attention\.out_proj\.", "$1.attn.proj."
      @"^(blocks\.\d+)\.mlp\.(?:0|linear_1)\.", "$1.mlp.fc1."
      @"^(blocks\.\d+)\.mlp\.(?:3|linear_2)\.", "$1.mlp.fc2." ]

/// Residual networks -> torchvision's names, which are ours: those of Hugging Face, and those of nn.Sequential(*resnet.children()), which has
/// numbers for names. Hugging Face counts stages and convolutions from 0.
let private residualNames =
    [ @"^embedder\.embedder\.convolution\.", "conv1."
      @"^embedder\.embedder\.normalization\.", "bn1."
      @"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.convolution\.", "layer{1}.$2.conv{3}."
      @"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.normalization\.", "layer{1}.$2.bn{3}."
      @"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.convolution\.", "layer{1}.$2.downsample.0."
      @"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.normalization\.", "layer{1}.$2.downsample.1."
      @"^0\.(?=weight$)", "conv1."
      @"^1\.(?=(?:weight|bias|running_mean|running_var)$)", "bn1."
      @"^4\.(?=\d+\.[a-z])", "layer1."
      @"^5\.(?=\d+\.[a-z])", "layer2."
      @"^6\.(?=\d+\.[a-z])", "layer3."
      @"^7\.(?=\d+\.[a-z])", "layer4." ]

let private counted = pattern @"\{(\d)\}"

/// The replacement for a match: `$2` is its second group, `{1}` its first group and one more.
let private written (replacement: string) (found: Match) =
    let next (group: Match) =
        match Int32.TryParse(found.Groups[group.Groups[1].Value].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, number when number < Int32.MaxValue -> string (number + 1)
        | _ -> group.Value

    found.Result(counted.Replace(replacement, next))

let private renames = [ for from, into in transformerNames @ residualNames -> pattern from, into ]

/// A tensor's name in other programs' files, without its prefix -> its name here; None if it has no meaning here.
let rename (name: string) =
    if name.EndsWith("num_batches_tracked", StringComparison.Ordinal) then
        None
    else
        Some(
            (name, renames)
            ||> List.fold (fun name (from, into) -> from.Replace(name, MatchEvaluator(written into)))
        )

/// How the tensors of a file are given our names.
type Naming =
    {
        /// The prefix of the network's names in the file, dot included; empty for none.
        Prefix: string
        /// Other prefixes under which there is as much of the network.
        Others: string list
        /// Our names with those in the file, for every tensor under the prefix.
        Names: (string * string) list
        /// Names of the tensors outside the prefix.
        Beside: string list
    }

/// Names are split at this many dots at most: no network is nested deeper, and a hostile file could have a thousand.
let private deepest = 12

/// The prefixes of a name, dot included, the empty one first.
let private beginnings (name: string) =
    let rec from at count =
        match name.IndexOf('.', (at: int)) with
        | -1 -> []
        | _ when count = deepest -> []
        | dot -> name.Substring(0, dot + 1) :: from (dot + 1) (count + 1)

    "" :: from 0 0

/// If a file has two networks with the same names, the one that follows the other (such as a moving average) is only taken on request; but a
/// student's teacher is preferred: Caron et al., DINO, section 3.1.
let private follower =
    pattern @"(?:^|[._])(?:encoder_k|key_encoder|momentum_\w+|\w+_momentum|ema|\w+_ema|ema_\w+|target|target_\w+|student)\."

/// A name in a file, and for each of its prefixes the rest, with what that may be here.
[<NoComparison>]
type Reading = private { File: string; Bare: string; Parts: (string * string list) list }

/// Every way to read the names of a file: made once for all networks that it is compared with.
let read (files: string seq) =
    [ for file in files do
          let bare = wrappers.Replace(file, "")

          let parts =
              [ for prefix in beginnings bare do
                    let rest = bare.Substring prefix.Length
                    prefix, List.distinct (rest :: Option.toList (rename rest)) ]

          if not (bare.EndsWith("num_batches_tracked", StringComparison.Ordinal)) then { File = file; Bare = bare; Parts = parts } ]

let private isBelow (prefix: string) reading = reading.Bare.StartsWith(prefix, StringComparison.Ordinal)

/// How much of the network is under each prefix.
let private counts (fits: string -> string -> bool) readings =
    let found = Dictionary<string, HashSet<string>>()

    for reading in readings do
        for prefix, names in reading.Parts do
            for ours in names do
                if fits reading.File ours then
                    match found.TryGetValue prefix with
                    | true, known -> known.Add ours |> ignore
                    | _ -> found[prefix] <- HashSet [ ours ]

    [ for KeyValue(prefix, known) in found -> prefix, known.Count ]

/// The common prefix of all names.
let private shared readings =
    match readings with
    | [] -> ""
    | first :: _ ->
        first.Parts
        |> List.map fst
        |> List.findBack (fun prefix -> readings |> List.forall (isBelow prefix))

/// A prefix as it is in the file, including the names of wrappers.
let private asWritten readings prefix =
    readings
    |> List.filter (isBelow prefix)
    |> List.tryPick (fun reading ->
        let rest = reading.Bare.Substring prefix.Length

        if reading.File.EndsWith(rest, StringComparison.Ordinal) then
            Some(reading.File.Substring(0, reading.File.Length - rest.Length))
        else
            None)
    |> Option.defaultValue prefix

/// The prefix under which most of the network is, and how the names are then read. `fits` says whether a tensor of the file can be the tensor of the network
/// with our name. If there is nothing of the network, the prefix is what all names share.
let find (fits: string -> string -> bool) readings : Naming =
    let prefix, others =
        match counts fits readings with
        | [] -> shared readings, []
        | found ->
            let most = found |> List.map snd |> List.max

            let best =
                [ for prefix, count in found do
                      if count = most then prefix ]
                |> List.sortBy (fun prefix -> follower.IsMatch prefix)

            best.Head, best.Tail

    let below, beside = readings |> List.partition (isBelow prefix)

    let nameOf reading =
        let names = reading.Parts |> List.find (fun (beginning, _) -> beginning = prefix) |> snd
        names |> List.tryFind (fits reading.File) |> Option.defaultValue (List.last names)

    { Prefix = asWritten readings prefix
      Others = List.map (asWritten readings) others
      Names = [ for reading in below -> nameOf reading, reading.File ]
      Beside = [ for reading in beside -> reading.File ] }
