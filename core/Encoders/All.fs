/// Every encoder by name. A new one is a file beside this and a line here.
module CondEmbed.Encoders.All

/// Name, one line about it, and how it is built (true: BatchNorm runs on its stored statistics in training too).
let all: (string * string * (bool -> Encoder)) list =
    [ "small", "residual CNN of 0.6 M parameters for pictures of about 48 px, trained from nothing", Residual.small
      "resnet18", "ResNet-18, torchvision's names", Residual.resNet18
      "resnet34", "ResNet-34, torchvision's names", Residual.resNet34
      "resnet50", "ResNet-50 with the stride on the 3 x 3 convolution (v1.5), torchvision's names", Residual.resNet50 Residual.OnSecond
      "resnet50-v1",
      "ResNet-50 with the stride on the first 1 x 1 convolution (v1), torchvision's names",
      Residual.resNet50 Residual.OnFirst ]

let names = [ for name, _, _ in all -> name ]

/// The encoder of that name, if there is one.
let tryBuild name frozenNorm = all |> List.tryPick (fun (known, _, build) -> if known = name then Some(build frozenNorm) else None)
