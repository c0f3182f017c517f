/// What the driver of a GPU says, which TorchSharp does not ask it.
module CondEmbed.Checks.Cuda

open System
open System.Runtime.InteropServices
open System.Text
open CondEmbed.Torch
open TorchSharp

[<DllImport("libcuda.so.1")>]
extern int private cuMemGetInfo_v2(unativeint& free, unativeint& total)

[<DllImport("libcuda.so.1")>]
extern int private cuDeviceGetName(byte[] name, int length, int device)

/// The device that checks compute on: the first GPU, or the CPU where there is none.
let device = lazy Device.choose "auto"

/// Whether that is a GPU.
let isThere () = device.Value.``type`` = DeviceType.CUDA

/// Waits until the device has done what it was told.
let synchronise () = if isThere () then torch.cuda.synchronize ()

/// What libcuda answers; None where it cannot be asked.
let private answer (ask: unit -> int) (value: unit -> 'T) =
    try
        if ask () = 0 then Some(value ()) else None
    with
    | :? DllNotFoundException
    | :? EntryPointNotFoundException -> None

/// The name of the device.
let name () =
    let letters: byte array = Array.zeroCreate 256

    if isThere () then
        answer (fun () -> cuDeviceGetName (letters, letters.Length, max 0 device.Value.index)) (fun () ->
            (Encoding.ASCII.GetString letters).TrimEnd '\000')
        |> Option.defaultValue "a GPU"
    else
        "CPU"

/// Bytes of the GPU that are in use. libtorch keeps what it once took, so that in a process of its own the difference of two such numbers is the peak between them.
let private used () =
    let mutable free, total = 0un, 0un
    // The driver answers for the device that this thread has used.
    use _ = torch.zeros (1L, device = device.Value)
    answer (fun () -> cuMemGetInfo_v2 (&free, &total)) (fun () -> float (total - free))

/// Does some work; its peak of memory in bytes, on the GPU above what was in use before, or of the process. NaN where it cannot be known.
let peakOf (work: unit -> unit) =
    if isThere () then
        let before = used ()
        work ()
        synchronise ()
        Option.map2 (fun after before -> after - before) (used ()) before |> Option.defaultValue nan
    else
        CondEmbed.Benchmarks.Measured.forgetPeak ()
        work ()
        CondEmbed.Benchmarks.Measured.peak ()
