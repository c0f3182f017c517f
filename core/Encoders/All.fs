/// Every encoder by name. To add one, add a file next to this one and a line here.
module CondEmbed.Encoders.All

open CondEmbed

let private entry name about build (timm, torchvision) : Description =
    { Name = name; About = about; Build = build; Timm = timm; Torchvision = torchvision }

let private smallVit = Some "vit_small_patch16_224", None
let private baseVit = Some "vit_base_patch16_224", Some "vit_b_16"
let private both name = Some name, Some name

/// Name, one line about it, how it is built, and its names in timm and torchvision.
let all =
    [ entry "small" "residual CNN of 0.6 M parameters for images of about 48 px, trained from scratch" Residual.small (None, None)
      entry "resnet18" "ResNet-18, torchvision's names" Residual.resNet18 (both "resnet18")
      entry
          "resnet18-cntk"
          "CNTK's ResNet-18 with a third block in the last stage, for the weights that 'imagenet' fetches"
          Residual.resNet18Cntk
          (None, None)
      entry "resnet34" "ResNet-34, torchvision's names" Residual.resNet34 (both "resnet34")
      entry
          "resnet50"
          "ResNet-50 with the stride on the 3 x 3 convolution (v1.5), torchvision's names"
          (Residual.resNet50 Residual.OnSecond)
          (both "resnet50")
      entry
          "resnet50-v1"
          "ResNet-50 with the stride on the first 1 x 1 convolution (v1), torchvision's names"
          (Residual.resNet50 Residual.OnFirst)
          (both "resnet50")
      entry "vit-s16" "ViT-S/16, timm's names, colours to -1..1 (timm's augreg weights)" VisionTransformer.small smallVit
      entry "vit-s16-dino" "ViT-S/16, timm's names, ImageNet's mean and deviation (DINO, DeiT)" VisionTransformer.smallImageNet smallVit
      entry "vit-b16" "ViT-B/16, timm's names, colours to -1..1 (timm's augreg weights)" VisionTransformer.``base`` baseVit
      entry
          "vit-b16-dino"
          "ViT-B/16, timm's names, ImageNet's mean and deviation (DINO, DeiT, torchvision)"
          VisionTransformer.baseImageNet
          baseVit ]

/// The name of every encoder.
let names = all |> List.map _.Name

let internal tryFind name = all |> List.tryFind (fun entry -> entry.Name = name)

/// The encoder of that name, if there is one.
let tryBuild name options = tryFind name |> Option.map (fun entry -> entry.Build options)

/// For images of 224 px, as most weights are made for, with norms of their own.
let internal usual: EncoderOptions = { Size = 224; Norms = Layers.Norms.Batch }

/// Every pooling by name: how many features it makes per channel, and the layer. `class` reads only the class token and ignores the map.
let poolings: (string * int * Layer<Features, Tensor>) list =
    ("class", 1, Layer.lift Features.token)
    :: [ for name, features, pool in Layers.poolings -> name, features, Layer.lift Features.map --> pool ]

/// W, the features that a pooling makes of an encoder's channels; None for a pooling that there is not.
let pooledFeatures name (encoder: Encoder) =
    poolings
    |> List.tryPick (fun (known, features, _) -> if known = name then Some(features * encoder.Channels) else None)
