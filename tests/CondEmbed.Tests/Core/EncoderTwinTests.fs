/// The residual networks against the same networks put together from torch's modules.
module CondEmbed.Tests.EncoderTwinTests

open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Tests.Support
open TorchSharp

type private Module = torch.nn.Module<Tensor, Tensor>

/// Whether a name is that of a norm's running mean or variance.
let isStatistic (name: string) = name.Contains ".running_"

/// A residual block of torch's modules under torchvision's names.
type private TorchBlock(path: (string * Module) list, shortcut: Module option) as this =
    inherit torch.nn.Module<Tensor, Tensor>("block")

    do
        for name, part in path do
            this.register_module (name, part)

        shortcut |> Option.iter (fun part -> this.register_module ("downsample", part))

    override _.forward x =
        let inner = (x, path) ||> List.fold (fun x (_, part) -> part.forward x)
        let carried = shortcut |> Option.fold (fun x part -> part.forward x) x
        (inner + carried).relu()

let private conv inputs outputs kernel stride : Module =
    torch.nn.Conv2d(
        int64 inputs,
        int64 outputs,
        int64 kernel,
        stride = int64 stride,
        padding = int64 (kernel / 2),
        bias = false,
        dtype = float64
    )

let private norm channels : Module = torch.nn.BatchNorm2d(int64 channels, dtype = float64)

let private relu () : Module = torch.nn.ReLU()

let private inSequence (parts: (string * Module) list) : Module = torch.nn.Sequential [| for name, part in parts -> struct (name, part) |]

let private outputsOf (options: Residual.Options) width = if options.Block = Residual.Basic then width else 4 * width

let private torchBlock (options: Residual.Options) inputs width stride : Module =
    let outputs = outputsOf options width

    let path =
        match options.Block with
        | Residual.Basic ->
            [ "conv1", conv inputs width 3 stride
              "bn1", norm width
              "relu1", relu ()
              "conv2", conv width width 3 1
              "bn2", norm width ]
        | Residual.Bottleneck place ->
            let first, second = if place = Residual.OnFirst then stride, 1 else 1, stride

            [ "conv1", conv inputs width 1 first
              "bn1", norm width
              "relu1", relu ()
              "conv2", conv width width 3 second
              "bn2", norm width
              "relu2", relu ()
              "conv3", conv width outputs 1 1
              "bn3", norm outputs ]

    let shortcut =
        if stride = 1 && inputs = outputs then
            None
        elif stride = 2 && options.SmoothShortcut then
            let pool = torch.nn.AvgPool2d(2L, stride = 2L, ceil_mode = true, count_include_pad = false)

            Some(inSequence [ "pool", pool; "0", conv inputs outputs 1 1; "1", norm outputs ])
        else
            Some(inSequence [ "0", conv inputs outputs 1 stride; "1", norm outputs ])

    new TorchBlock(path, shortcut)

let private torchNetwork (options: Residual.Options) =
    let stage inputs (width, blocks, stride) =
        inSequence
            [ "0", torchBlock options inputs width stride
              for i in 1 .. blocks - 1 do
                  string i, torchBlock options (outputsOf options width) width 1 ]

    let inputs = options.StemWidth :: [ for width, _, _ in options.Stages -> outputsOf options width ]

    inSequence
        [ match options.Stem with
          | Residual.Wide ->
              "conv1", conv 3 options.StemWidth 7 2
              "bn1", norm options.StemWidth
              "relu", relu ()
              "maxpool", torch.nn.MaxPool2d(3L, stride = 2L, padding = 1L)
          | Residual.Narrow stride ->
              "conv1", conv 3 options.StemWidth 3 stride
              "bn1", norm options.StemWidth
              "relu", relu ()
          for i, shape in List.indexed options.Stages do
              $"layer{i + 1}", stage inputs[i] shape ]

let private tensorsOf (network: Module) =
    [ for struct (name, leaf) in network.named_parameters () do
          name, leaf :> Tensor
      for struct (name, buffer) in network.named_buffers () do
          if not (name.EndsWith "num_batches_tracked") then name, buffer ]

/// Weights that are all different and positive variances, the same in both networks.
let private shareWeights (network: Module) (parameters: Params) =
    for i, (name, tensor) in List.indexed (tensorsOf network) do
        let values = normal i [ for size in tensor.shape -> int size ]

        let values = if name.EndsWith "running_var" then values.abs () + 0.5 else 0.5 * values

        withoutGradient (fun () -> tensor.copy_ values |> ignore)
        Params.commit parameters [ name, values ]

/// Two stages of one and two blocks, 4 and 6 wide, after a stem of 5.
let private options block stem : Residual.Options =
    { Stem = stem
      StemWidth = 5
      Stages = [ 4, 1, 1; 6, 2, 2 ]
      Block = block
      SmoothShortcut = false
      ZeroStart = false
      Norms = Layers.Norms.Batch }

/// B 3 H W -> B C h w.
let private mapOf options = (Residual.build options).Features |> Layer.map Features.map

let private bottleneck place stem = options (Residual.Bottleneck place) stem

let private plain = options Residual.Basic Residual.Wide

let private networks =
    [ "basic blocks, wide stem", plain
      "basic blocks, narrow stem", options Residual.Basic (Residual.Narrow 1)
      "bottlenecks, stride on the first 1 x 1", bottleneck Residual.OnFirst Residual.Wide
      "bottlenecks, stride on the 3 x 3", bottleneck Residual.OnSecond (Residual.Narrow 2)
      "shortcuts that average 2 x 2 places", { plain with SmoothShortcut = true }
      "a first stage of stride 2", { plain with SmoothShortcut = true; Stages = [ 5, 2, 2; 6, 1, 1 ] } ]

let tests =
    testList
        "equals the same network of torch's modules"
        [ for title, options in networks do
              tensorTest title (fun () ->
                  use network = torchNetwork options
                  let features = mapOf options
                  let parameters = started features.Specs
                  shareWeights network parameters
                  Expect.equal (set parameters.Names) (set (List.map fst (tensorsOf network))) "names"
                  let x = normal 50 [ 2; 3; 17; 20 ]
                  network.eval ()
                  expectClose 1e-10 (network.forward x) (Layer.run parameters features x) "at test time"
                  network.train ()
                  let expected = network.forward x

                  let leaves = parameters |> Params.map (fun name leaf -> leaf.requires_grad_ (not (isStatistic name)))

                  let actual, reports = forward Training leaves features x
                  expectClose 1e-10 expected actual "in training"
                  expected.sum().backward()
                  actual.sum().backward()
                  Params.commit parameters reports

                  for name, tensor in tensorsOf network do
                      if isStatistic name then
                          expectClose 1e-10 tensor parameters[name] name
                      else
                          expectClose 1e-8 tensor.grad parameters[name].grad $"gradient by {name}")

          tensorTest "a block that starts closed starts as its shortcut" (fun () ->
              let closed = { options Residual.Basic (Residual.Narrow 1) with ZeroStart = true; Stages = [ 5, 1, 1 ] }

              let features = mapOf closed

              let stem =
                  Layer.named "conv1" (Layers.conv2d 3 5 3 1)
                  --> Layer.named "bn1" (Layers.batchNorm 5)
                  --> Layers.relu

              let parameters, x = started features.Specs, normal 50 [ 2; 3; 9; 9 ]
              expectSame (Layer.run parameters stem x) (Layer.run parameters features x) "output")

          tensorTest "frozen norms run on stored statistics in training and report none" (fun () ->
              let build frozen = mapOf { plain with Norms = (if frozen then Layers.Norms.Frozen else Layers.Norms.Batch) }

              let parameters, x = started (build true).Specs, normal 50 [ 2; 3; 17; 20 ]
              let output, reports = forward Training parameters (build true) x
              Expect.isEmpty reports "reports"
              expectSame (Layer.run parameters (build false) x) output "as at test time"
              Expect.equal (build true).Specs (build false).Specs "the same parameters")

          tensorTest "closed is the last norm of each block, and nothing else" (fun () ->
              for kind, last in [ Residual.Basic, "bn2"; Residual.Bottleneck Residual.OnSecond, "bn3" ] do
                  let build closed = mapOf { plain with Block = kind; ZeroStart = closed }

                  let parameters = started (build true).Specs
                  let usual = started (build false).Specs

                  let isLast (name: string) = name.StartsWith "layer" && name.EndsWith $".{last}.weight"

                  for name in parameters.Names do
                      let expected = if isLast name then torch.zeros_like parameters[name] else usual[name]

                      expectSame expected parameters[name] name

                  Expect.equal (parameters.Names |> List.filter isLast |> List.length) 3 "one for each block") ]
