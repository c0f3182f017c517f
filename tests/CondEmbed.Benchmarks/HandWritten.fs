/// ResNet-50 as one would write it straight on TorchSharp.
module CondEmbed.Benchmarks.HandWritten

open System.Collections.Generic
open TorchSharp

type private F = torch.nn.functional

/// B H W 3 bytes -> scalar, the sum of the embeddings; parameters under torchvision's names.
let resNet50 (parameters: IDictionary<string, torch.Tensor>) (images: torch.Tensor) =
    let conv name (stride: int64) (x: torch.Tensor) =
        let weight = parameters[name + ".weight"]
        let padding = weight.shape[2] / 2L
        F.conv2d (x, weight, strides = [| stride; stride |], padding = [| padding; padding |])

    let norm name (x: torch.Tensor) =
        let of' part = parameters[$"{name}.{part}"]
        F.batch_norm (x, of' "running_mean", of' "running_var", of' "weight", of' "bias", training = true)

    let block name stride (x: torch.Tensor) =
        let inner = x |> conv $"{name}.conv1" 1L |> norm $"{name}.bn1" |> F.relu
        let inner = inner |> conv $"{name}.conv2" stride |> norm $"{name}.bn2" |> F.relu
        let inner = inner |> conv $"{name}.conv3" 1L |> norm $"{name}.bn3"

        let carried =
            if parameters.ContainsKey $"{name}.downsample.0.weight" then
                x |> conv $"{name}.downsample.0" stride |> norm $"{name}.downsample.1"
            else
                x

        F.relu (inner + carried)

    let mean = torch.tensor([| 0.485f; 0.456f; 0.406f |]).reshape(1L, 3L, 1L, 1L)
    let deviation = torch.tensor([| 0.229f; 0.224f; 0.225f |]).reshape(1L, 3L, 1L, 1L)
    let x = (images.permute(0L, 3L, 1L, 2L).to_type torch.float32 / 255.0 - mean) / deviation
    let x = F.max_pool2d (x |> conv "conv1" 2L |> norm "bn1" |> F.relu, kernel_size = 3L, stride = 2L, padding = 1L)

    let blocks =
        [ for stage, count in [ 1, 3; 2, 4; 3, 6; 4, 3 ] do
              for place in 0 .. count - 1 -> $"layer{stage}.{place}", (if stage > 1 && place = 0 then 2L else 1L) ]

    let map = (x, blocks) ||> List.fold (fun x (name, stride) -> block name stride x)
    F.linear(map.mean [| 2L; 3L |], parameters["embedding.weight"], parameters["embedding.bias"]).sum()
