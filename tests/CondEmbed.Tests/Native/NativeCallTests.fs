/// TorchSharp's native functions that let C++ exceptions escape end the process, and no `try` helps. Which of them do is read from the library itself, and what
/// the product calls from its own code, so that a new use of one fails here and not on a user's machine.
module CondEmbed.Tests.NativeCallTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.Reflection
open System.Runtime.InteropServices
open Expecto
open TorchSharp
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Tests.Support
open CondEmbed.Common

/// Without a handler, but nothing that they do throws: they read a field, write one, or give memory back.
let private harmless =
    [ "THSTorch_get_and_reset_last_err"
      "THSTorch_float32_to_scalar"
      "THSTorch_float64_to_scalar"
      "THSTorch_int32_to_scalar"
      "THSTorch_int64_to_scalar"
      "THSTorch_scalar_to_float64"
      "THSTorch_scalar_type"
      "THSTorch_set_num_threads" // demanded to be above 0 by ComputeThreads
      "THSTorchCuda_is_available"
      "THSTorchCuda_device_count"
      "THSTensor_dispose"
      "THSTensor_device_type"
      "THSTensor_device_index"
      "THSTensor_names" // of tensors without names
      "THSTensor_alias" // of a tensor that is there
      "THSAutograd_isGradEnabled"
      "THSAutograd_setGrad"
      "THSAutograd_CSharpNode_clearInputMetadata" // of a node that is there
      "THSAutograd_CSharpNode_disposeSharedPtr"
      "THSGenerator_new" // on the CPU
      "THSGenerator_manual_seed"
      "THSGenerator_default_generator"
      "THSJIT_AllocateTensorOrScalarArray"
      "THSJIT_SetTensorOrScalar"
      "THSJIT_GetTensorOrScalar" ]
    |> set

/// Those that throw at what does not fit, and the only place that may call each, because it checks first.
let private guarded = Map [ "THSGenerator_set_rng_state", "CondEmbed.Randomness" ]

let private binding () =
    if not (OperatingSystem.IsLinux()) then skiptest "only Linux has ELF libraries"
    Native.ensure ()
    IO.File.ReadAllBytes (Native.status ()).Loaded

let private escaping () =
    set
        [ for name, handled in NativeHandlers.exports (binding ()) do
              if not handled && name.StartsWith("TH", StringComparison.Ordinal) then name ]

let private torchAssembly = typeof<torch>.Assembly

let private product =
    [ typeof<InputException>.Assembly
      typeof<Params>.Assembly
      typeof<LibtorchDownload>.Assembly
      typeof<CondEmbed.Runs.Trainer>.Assembly
      typeof<CondEmbed.Search.Embedder>.Assembly
      Assembly.Load "condembed" ]
    |> List.distinct

/// The methods of an assembly with the methods of TorchSharp that each calls.
let private torchCalls assembly =
    [ for caller in CalledMethods.ofAssembly assembly do
          for called in CalledMethods.calls caller do
              if called.Module.Assembly = torchAssembly then caller, called ]

let private placeOf (found: MethodBase) =
    let rec outermost (kind: Type) = if isNull kind.DeclaringType then kind else outermost kind.DeclaringType
    if isNull found.DeclaringType then found.Name else (outermost found.DeclaringType).FullName

let private detection =
    testCase "what lets exceptions escape is told from what catches them" (fun () ->
        let handled = dict (NativeHandlers.exports (binding ()))

        for name in
            [ "THSTensor_mm"
              "THSTensor_bmm"
              "THSTensor_backward"
              "THSTensor_reshape"
              "THSJIT_CompilationUnit_Invoke" ] do
            Expect.isTrue handled[name] $"{name} catches"

        for name in [ "THSTensor_matmul"; "THSAutograd_grad"; "THSGenerator_set_rng_state" ] do
            Expect.isFalse handled[name] $"{name} does not"

        Expect.isGreaterThan (handled.Values |> Seq.filter id |> Seq.length) 900 "most do")

let private uses =
    testCase "nothing of the product calls what lets exceptions escape" (fun () ->
        let escaping = escaping ()
        let natives = Dictionary<MethodBase, Set<string>>()

        let nativesOf (called: MethodBase) =
            if not (natives.ContainsKey called) then natives[called] <- CalledMethods.natives called
            natives[called]

        let calls = product |> List.collect torchCalls
        Expect.isGreaterThan calls.Length 500 "calls of TorchSharp"

        let bad =
            [ for caller, called in calls do
                  for name in Set.intersect (nativesOf called) escaping do
                      if not (harmless.Contains name) && Map.tryFind name guarded <> Some(placeOf caller) then
                          $"{placeOf caller}.{caller.Name} calls {called.Name}, which calls {name}" ]
            |> List.distinct

        Expect.equal bad [] "use Tensors.matmul, Grad.*, or another operation; or check first and say so in this test"
        Expect.isGreaterThan (natives.Values |> Seq.fold Set.union Set.empty |> Set.count) 150 "native functions that are used")

let private isTensors (kind: Type) = kind = typeof<Tensor array> || kind = typeof<seq<Tensor>>

/// What the product does with tensors, and two operations that are known to end the process.
let private operations () =
    let all =
        [ for assembly in product do
              for _, called in torchCalls assembly do
                  called ]

    let known =
        [ for name in [ "matmul"; "cummax" ] -> typeof<Tensor>.GetMethods() |> Array.find (fun m -> m.Name = name) :> MethodBase ]

    all @ known
    |> List.distinct
    |> List.filter (fun found ->
        let given = found.GetParameters() |> Array.map _.ParameterType

        found :? MethodInfo
        && not found.ContainsGenericParameters
        && not (found :?> MethodInfo).ReturnType.IsByRefLike
        && found.Name <> "Dispose"
        && (not found.IsStatic && found.DeclaringType = typeof<Tensor>
            || given |> Array.exists (fun kind -> kind = typeof<Tensor> || isTensors kind)))
    |> List.sortBy string

let private nameOf (found: MethodBase) = $"{found.DeclaringType.Name}.{found.Name}"

/// Arguments of three kinds that hardly anything accepts: other shapes, other types, numbers beyond every side.
let private misfits kind (wanted: Type) : obj =
    let tensor first =
        match kind, first with
        | 0, true -> torch.ones ([| 2L; 3L |], dtype = float32)
        | 0, false -> torch.ones ([| 5L; 7L |], dtype = float32)
        | 1, true -> torch.ones ([| 2L; 3L |], dtype = int64')
        | 1, false -> torch.ones ([| 4L |], dtype = float64)
        | _, true -> torch.zeros ([| 0L |], dtype = torch.bool)
        | _, false -> torch.ones ([| 2L; 3L; 4L |], dtype = torch.complex64)

    let far = [| 99; -77; 3 |][kind]
    let wanted = Nullable.GetUnderlyingType wanted |> Option.ofObj |> Option.defaultValue wanted

    if wanted = typeof<Tensor> then tensor false
    elif isTensors wanted then [| tensor true; tensor false |]
    elif wanted = typeof<int64> then int64 far
    elif wanted = typeof<int> then far
    elif wanted = typeof<int64 array> then [| int64 far; int64 far |]
    elif wanted = typeof<float> then float far
    elif wanted = typeof<float32> then single far
    elif wanted = typeof<Scalar> then scalar (float far)
    elif wanted = typeof<torch.Device> then torch.META
    elif wanted.IsValueType then Activator.CreateInstance wanted
    else null

/// In a process of its own: tries each operation from one on, and writes which before it does. True when the program was asked for that.
let tried (arguments: string array) =
    match arguments with
    | [| "--try-operations"; file; from |] ->
        Native.ensure ()

        operations ()
        |> List.indexed
        |> List.skip (int from)
        |> List.iter (fun (number, operation) ->
            for kind in 0..2 do
                IO.File.AppendAllText(file, $"{number} {kind}\n")
                use _ = torch.NewDisposeScope()

                let outcome =
                    try
                        let self = if operation.IsStatic then null else misfits kind typeof<Tensor>
                        let given = [| for p in operation.GetParameters() -> misfits kind p.ParameterType |]
                        operation.Invoke(self, given) |> ignore
                        "ok"
                    with :? TargetInvocationException as error ->
                        error.InnerException.GetType().Name

                IO.File.AppendAllText(file, $"{number} {kind} {outcome}\n"))

        true
    | _ -> false

let private trying =
    testCase
        "every operation that the product uses, given what does not fit, throws; of others it is known that they end the process"
        (fun () ->
            binding () |> ignore
            let operations = operations ()
            Expect.isGreaterThan operations.Length 150 "operations"

            inFolder (fun folder ->
                let file = IO.Path.Combine(folder, "tried.txt")

                let rec deaths from =
                    use child = Process.Start(ownProcess [ "--try-operations"; file; string from ])
                    let errors = child.StandardError.ReadToEndAsync()
                    child.StandardOutput.ReadToEnd() |> ignore
                    child.WaitForExit()
                    let last = (IO.File.ReadAllLines file |> Array.last).Split ' '
                    let number = int last[0]

                    if child.ExitCode = 0 then []
                    elif last.Length > 2 then failtest $"the child failed between operations: {errors.Result}"
                    elif number + 1 = operations.Length then [ number ]
                    else number :: deaths (number + 1)

                let died = [ for number in deaths 0 -> nameOf operations[number] ]
                Expect.equal (List.sort died) [ "Tensor.cummax"; "Tensor.matmul"; "torch.set_rng_state" ] "those that end the process"

                let outcomes =
                    [ for line in IO.File.ReadAllLines file -> line.Split ' ' ]
                    |> List.filter (fun words -> words.Length > 2)

                Expect.equal
                    (outcomes |> List.map (fun words -> words[0]) |> List.distinct).Length
                    (operations.Length - died.Length)
                    "the others were tried"

                let refused = outcomes |> List.filter (fun words -> words[2] <> "ok")
                Expect.isGreaterThan refused.Length operations.Length "most refuse"))

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Make = delegate of float -> nativeint

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Read = delegate of nativeint -> float

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Free = delegate of nativeint -> unit

/// How many of a thousand scalars hold another number after they were given up and others were made.
let private changedScalars (library: nativeint) =
    let find name : 'T = NativeLibrary.GetExport(library, name) |> Marshal.GetDelegateForFunctionPointer<'T>
    let make: Make = find "THSTorch_float64_to_scalar"
    let read: Read = find "THSTorch_scalar_to_float64"
    let free: Free = find "THSTorch_dispose_scalar"

    List.length
        [ for number in 1..1000 do
              let given = make.Invoke(float number)
              free.Invoke given
              let others = [ for _ in 1..8 -> make.Invoke -1.0 ]
              if read.Invoke given <> float number then number

              for other in others do
                  free.Invoke other ]

/// In a process of its own, which is not changed for training: how many scalars changed, and what went wrong first.
let scalarsAtRisk (arguments: string array) =
    if arguments = [| "--scalars-at-risk" |] then
        Native.ensure ()
        let wrong = NativeTests.wrongScalar 2_000_000 [| 8L |]
        printfn $"{changedScalars (NativeLibrary.Load (Native.status ()).Loaded)}"
        printfn $"""{defaultArg wrong "nothing"}"""
        true
    else
        false

let private scalars =
    testCase "a scalar that was given up keeps its number for a while, and would not without the patch" (fun () ->
        if not (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture = Architecture.X64) then
            skiptest "scalars are freed late on Linux on x64 only"

        Native.ensure ()
        Expect.equal (changedScalars (NativeLibrary.Load (Native.status ()).Loaded)) 0 "with the patch"
        let start = ownProcess [ "--scalars-at-risk" ]
        // Code that is not optimised keeps a scalar to the end of the method, and so until libtorch has read it.
        start.Environment["DOTNET_TieredCompilation"] <- "0"
        use child = Process.Start start
        let said = child.StandardOutput.ReadToEnd().Split '\n'
        child.WaitForExit()
        Expect.isGreaterThan (int said[0]) 900 "without it"
        Expect.notEqual said[1] "nothing" "and an operation fails, or computes with another number")

let private kept =
    tensorTest "scalars of ever new numbers do not pile up" (fun () ->
        for number in 1..10_000 do
            Expect.equal ((scalar (float number + 0.125)).ToDouble()) (float number + 0.125) "the number"

        Expect.isLessThanOrEqual (Tensors.scalarsKept ()) 2048 "kept alive"
        Expect.equal (1.0 / (scalar -0.0).ToDouble()) -infinity "the sign of zero")

let tests = testList "native calls" [ detection; uses; trying; scalars; kept ]
