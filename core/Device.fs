/// Devices by name.
module CondEmbed.Device

open System
open TorchSharp

/// `auto` (CUDA if there is one, else the CPU), `cpu`, `cuda`, `cuda:N`. InputException for one that is not there.
let parse (name: string) : torch.Device =
    if name = "cpu" then
        torch.CPU
    elif name = "auto" then
        (if torch.cuda.is_available () then
             torch.device "cuda:0"
         else
             torch.CPU)
    else
        raise (InputException $"device: '{name}' is not here")
