/// Every encoder by name. A new one is a file beside this and a line here.
module CondEmbed.Encoders.All

/// Name, one line about it, and how it is built.
let all: (string * string * (EncoderOptions -> Encoder)) list =
    [ "small", "residual CNN of 0.6 M parameters for pictures of about 48 px, trained from nothing", Residual.small
      "resnet18", "ResNet-18, torchvision's names", Residual.resNet18
      "resnet34", "ResNet-34, torchvision's names", Residual.resNet34
      "resnet50", "ResNet-50 with the stride on the 3 x 3 convolution (v1.5), torchvision's names", Residual.resNet50 Residual.OnSecond
      "resnet50-v1",
      "ResNet-50 with the stride on the first 1 x 1 convolution (v1), torchvision's names",
      Residual.resNet50 Residual.OnFirst
      "vit-s16", "ViT-S/16, timm's names, colours to -1..1 (timm's augreg weights)", VisionTransformer.small
      "vit-s16-dino", "ViT-S/16, timm's names, ImageNet's mean and deviation (DINO, DeiT)", VisionTransformer.smallImageNet
      "vit-b16", "ViT-B/16, timm's names, colours to -1..1 (timm's augreg weights)", VisionTransformer.``base``
      "vit-b16-dino", "ViT-B/16, timm's names, ImageNet's mean and deviation (DINO, DeiT, torchvision)", VisionTransformer.baseImageNet ]

/// The name of every encoder.
let names = [ for name, _, _ in all -> name ]

/// The encoder of that name, if there is one.
let tryBuild name options = all |> List.tryPick (fun (known, _, build) -> if known = name then Some(build options) else None)

/// Every pooling by name: how many features it makes of a channel, and the layer. `class` reads the class token and nothing of the map.
let poolings: (string * int * CondEmbed.Layer<Features, CondEmbed.Tensor>) list =
    ("class", 1, CondEmbed.Layer.lift Features.token)
    :: [ for name, features, pool in CondEmbed.Layers.poolings ->
             name, features, CondEmbed.Layer.compose (CondEmbed.Layer.lift Features.map) pool ]
