/// TorchSharp hands libtorch the address of a Scalar, such as the 1 in x + 1 * y, and does not keep the Scalar alive until libtorch has read it. A garbage collection
/// at that moment (other threads keep reading images) frees it: then the operation fails with 'Expected false to be true', or silently computes with
/// whatever number is there by then. TorchSharp 0.107 offers no way to fix that from outside, so this patches the function that frees scalars to free
/// them late: a scalar lives for a second after it is released. Not longer: small blocks among the large ones that a step frees keep these from being
/// joined again, and the memory of a training run grew by half within a hundred steps when 65,536 of them were kept.
///
/// Only on Linux on x64, and only if the function is the known one. Elsewhere, `Tensors.scalar` keeps its own scalars alive, and TorchSharp's
/// own stay at risk.
module internal CondEmbed.Torch.NativeScalars

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.Runtime.InteropServices

/// How long a scalar is kept, in milliseconds.
[<Literal>]
let private Delay = 1000L

/// How many scalars are kept in any case: a second may pass while the whole process is stopped.
[<Literal>]
let private Kept = 128

[<Literal>]
let private Writable = 7 // PROT_READ | PROT_WRITE | PROT_EXEC

[<Literal>]
let private Executable = 5 // PROT_READ | PROT_EXEC

[<DllImport("libc", EntryPoint = "mprotect")>]
extern int private protect(nativeint address, unativeint length, int access)

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Release = delegate of nativeint -> unit

/// How the function begins, twice as many bytes as are overwritten: it releases a symbolic number, if the scalar holds one (tag 5 to 7), and then deletes the scalar.
///
///     test rdi, rdi; je; mov eax, [rdi]; add eax, -5; cmp eax, 2; ja; mov rax, [rdi + 16]; test rax, rax; je
let private beginning = Convert.FromHexString "4885ff742d8b0783c0fb83f8027719488b47104885c07410"

/// `mov rax, target; jmp rax`.
let private jumpTo (target: nativeint) =
    let code = [| 0x48uy; 0xb8uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0xffuy; 0xe0uy |]
    BinaryPrimitives.WriteInt64LittleEndian(Span(code, 2, 8), int64 target)
    code

/// Called from native code for as long as the process lives.
let mutable private late: Release = null

let private lateRelease (release: Release) =
    let waiting = Queue<struct (nativeint * int64)>()

    Release(fun scalar ->
        lock waiting (fun () ->
            let now = Environment.TickCount64
            waiting.Enqueue(struct (scalar, now))

            let isDue () =
                let struct (_, given) = waiting.Peek()
                now - given >= Delay

            while waiting.Count > Kept && isDue () do
                let struct (oldest, _) = waiting.Dequeue()
                release.Invoke oldest))

let private overwrite (place: nativeint) (code: byte array) =
    let page = place &&& ~~~(nativeint Environment.SystemPageSize - 1n)
    let length = unativeint (place - page) + unativeint code.Length

    if protect (page, length, Writable) = 0 then
        Marshal.Copy(code, 0, place, code.Length)
        protect (page, length, Executable) |> ignore

/// From now on, frees scalars late. Call it once, after TorchSharp's library (its handle) is loaded and before anything of torch is used.
let freeLate (handle: nativeint) =
    if OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture = Architecture.X64 then
        match NativeLibrary.TryGetExport(handle, "THSTorch_dispose_scalar"), NativeLibrary.TryGetExport(handle, "_ZdlPv") with
        | (true, dispose), (true, delete) ->
            let found: byte array = Array.zeroCreate beginning.Length
            Marshal.Copy(dispose, found, 0, found.Length)

            if found = beginning then
                late <- lateRelease (Marshal.GetDelegateForFunctionPointer<Release> delete)
                overwrite dispose (jumpTo (Marshal.GetFunctionPointerForDelegate late))
        | _ -> ()
