/// What methods call, read from their code: so that a test can say what a library uses without a list that is kept by hand.
module CondEmbed.Tests.CalledMethods

open System
open System.Collections.Generic
open System.Reflection
open System.Reflection.Emit

let private operations =
    lazy
        dict
            [ for field in typeof<OpCodes>.GetFields(BindingFlags.Public ||| BindingFlags.Static) do
                  let operation = field.GetValue null :?> OpCode
                  operation.Value, operation ]

let private everything =
    BindingFlags.Public
    ||| BindingFlags.NonPublic
    ||| BindingFlags.Static
    ||| BindingFlags.Instance
    ||| BindingFlags.DeclaredOnly

/// All methods and constructors of an assembly, those of closures too.
let ofAssembly (assembly: Assembly) : MethodBase list =
    [ for kind in assembly.GetTypes() do
          for found in kind.GetMethods everything do
              found

          for found in kind.GetConstructors everything do
              found ]

let private definition (found: MethodBase) : MethodBase =
    match found with
    | :? MethodInfo as found when found.IsGenericMethod -> found.GetGenericMethodDefinition()
    | _ -> found

/// The methods that a method's code names.
let calls (caller: MethodBase) : MethodBase list =
    match caller.GetMethodBody() with
    | null -> []
    | body ->
        let code = body.GetILAsByteArray()
        let ofType = if caller.DeclaringType.IsGenericType then caller.DeclaringType.GetGenericArguments() else null
        let ofMethod = if caller.IsGenericMethod then caller.GetGenericArguments() else null
        let found = ResizeArray<MethodBase>()
        let mutable at = 0

        let named () =
            match caller.Module.ResolveMember(BitConverter.ToInt32(code, at), ofType, ofMethod) with
            | :? MethodBase as called -> found.Add(definition called)
            | _ -> ()

        while at < code.Length do
            let value =
                if code[at] = 0xfeuy then
                    at <- at + 1
                    int16 (0xfe00 ||| int code[at])
                else
                    int16 code[at]

            at <- at + 1

            let operand =
                match operations.Value[value].OperandType with
                | OperandType.InlineNone -> 0
                | OperandType.ShortInlineBrTarget
                | OperandType.ShortInlineI
                | OperandType.ShortInlineVar -> 1
                | OperandType.InlineVar -> 2
                | OperandType.InlineI8
                | OperandType.InlineR -> 8
                | OperandType.InlineSwitch -> 4 + 4 * BitConverter.ToInt32(code, at)
                | OperandType.InlineMethod
                | OperandType.InlineTok ->
                    named ()
                    4
                | _ -> 4

            at <- at + operand

        List.ofSeq found

/// The native functions that a method calls, itself or by what it calls within its own assembly.
let natives (start: MethodBase) : Set<string> =
    let seen = HashSet<MethodBase>()
    let found = HashSet<string>()

    let rec follow (current: MethodBase) depth =
        if depth < 6 && seen.Add current then
            if current.Attributes.HasFlag MethodAttributes.PinvokeImpl then
                found.Add current.Name |> ignore
            elif current.Module = start.Module then
                for next in calls current do
                    follow next (depth + 1)

    follow start 0
    set found
