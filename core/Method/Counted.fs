/// Terms that count differently as training goes on.
module CondEmbed.Counted

open TorchSharp

/// Any shape -> the same, times the factor of the number of steps before this one, 1 -> 1. The number is a statistic, so that a resumed run goes on where it stopped.
let scaled (factor: Tensor -> Tensor) : Layer<unit, Tensor -> Tensor> =
    let spec = { Name = "step"; Shape = [ 1L ]; Role = Statistic; Init = Constant 0.0 }

    Layer.create [ spec ] (fun env () ->
        let before = Layer.statistic env "step"
        env.Report "step" (before + 1.0)
        let factor = (factor before).squeeze()
        fun x -> factor.``to`` x.dtype * x)

/// Any shape -> the same, always.
let unscaled: Layer<unit, Tensor -> Tensor> = Layer.lift (fun () -> id)
