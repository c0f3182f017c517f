using System.Text.RegularExpressions;

namespace CondEmbed.Export;

/// <summary>The names of tensors and networks in Python's programs. Those of timm and torchvision are the same for residual networks.</summary>
internal static class PythonNames
{
    internal const string Timm = "timm";
    internal const string Torchvision = "torchvision";

    /// <summary>timm's vision transformer, whose names are ours -> torchvision's. Both stack query, key and value in this order.</summary>
    private static readonly (string Ours, string Theirs)[] TransformerOfTorchvision =
    [
        ("^cls_token$", "class_token"),
        ("^pos_embed$", "encoder.pos_embedding"),
        (@"^patch_embed\.proj\.", "conv_proj."),
        (@"^norm\.", "encoder.ln."),
        (@"^blocks\.(\d+)\.norm([12])\.", "encoder.layers.encoder_layer_$1.ln_$2."),
        (@"^blocks\.(\d+)\.attn\.qkv\.", "encoder.layers.encoder_layer_$1.self_attention.in_proj_"),
        (@"^blocks\.(\d+)\.attn\.proj\.", "encoder.layers.encoder_layer_$1.self_attention.out_proj."),
        (@"^blocks\.(\d+)\.mlp\.fc1\.", "encoder.layers.encoder_layer_$1.mlp.0."),
        (@"^blocks\.(\d+)\.mlp\.fc2\.", "encoder.layers.encoder_layer_$1.mlp.3."),
    ];

    /// <summary>Whose names are written, and the network's name there; both null for an encoder that is only here, whose names are left as they are.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="asked">timm or torchvision; null for those that the encoder has here.</param>
    /// <exception cref="InputException">There are no such names, or the encoder has none there.</exception>
    internal static (string? Program, string? Network) Of(string encoder, string? asked)
    {
        if (asked is not (null or Timm or Torchvision))
        {
            throw new InputException($"{Wording.Of("names", "--names")} {asked}: choose {Timm} or {Torchvision}.");
        }

        if (EncoderDescription.Of(encoder) is not { Timm: not null } network)
        {
            return asked is null ? (null, null) : throw new InputException($"{Wording.Of("names", "--names")} {asked}: {asked} has no encoder '{encoder}'; leave it out.");
        }

        var program = asked ?? (network.IsResidual ? Torchvision : Timm);
        return (program, (program == Timm ? network.Timm : network.Torchvision)
            ?? throw new InputException($"{Wording.Of("names", "--names")} {asked}: {asked} has no encoder '{encoder}'; use {Timm}."));
    }

    /// <summary>The name of a tensor of the encoder.</summary>
    internal static string OfTensor(string? program, string name) =>
        program == Torchvision ? TransformerOfTorchvision.Aggregate(name, (at, rule) => Regex.Replace(at, rule.Ours, rule.Theirs)) : name;
}
