/// The libraries as C# sees them, by .NET's guidelines for the design of libraries, as far as a test can tell. What it cannot tell is read in tests/api.
module CondEmbed.Tests.DesignTests

open System
open System.Collections.Generic
open System.Reflection
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Interop

let private own =
    [ "CondEmbed"
      "CondEmbed.Common"
      "CondEmbed.Extensions.AI"
      "CondEmbed.Images"
      "CondEmbed.Mpi"
      "CondEmbed.Onnx"
      "CondEmbed.Postgres"
      "CondEmbed.Search" ]
    |> List.collect (fun library -> List.ofArray (Assembly.Load(library).GetExportedTypes()))

let private interop =
    typeof<Session>.Assembly.GetExportedTypes()
    |> Array.filter (fun kind -> kind.Namespace = "CondEmbed.Interop" || kind = typeof<CondEmbed.Team>)
    |> List.ofArray

let private everything = BindingFlags.DeclaredOnly ||| BindingFlags.Public ||| BindingFlags.Instance ||| BindingFlags.Static

let private isWritten (found: MemberInfo) = not (found.IsDefined(typeof<CompilerGeneratedAttribute>, false))

let private isDelegate (kind: Type) = typeof<Delegate>.IsAssignableFrom kind

/// Public methods that somebody here named: no accessors, nor what a base class or the compiler gives.
let private methodsOf (kinds: Type list) =
    [ for kind in kinds do
          for method in kind.GetMethods everything do
              let isInherited = method.GetBaseDefinition().DeclaringType.Assembly <> kind.Assembly
              let isOfDelegate = isDelegate kind && method.Name <> "Invoke"
              if isWritten method && not (method.IsSpecialName || isInherited || isOfDelegate) then method ]

let private nameOf (found: MemberInfo) = $"{found.DeclaringType.Name}.{found.Name}"

/// No member breaks a rule; the message names those that do.
let private none (broken: string seq) rule = Expect.isEmpty (List.distinct (List.ofSeq broken)) rule

let private isAsync (kind: Type) =
    typeof<Task>.IsAssignableFrom kind
    || kind = typeof<ValueTask>
    || kind.IsGenericType
       && List.contains (kind.GetGenericTypeDefinition()) [ typedefof<ValueTask<_>>; typedefof<IAsyncEnumerable<_>> ]

let private tokens =
    test "a CancellationToken is called cancellationToken, is the last parameter, and may be left out" {
        let torch = List.ofArray (Assembly.Load("CondEmbed.Torch").GetExportedTypes())

        let taking =
            methodsOf (own @ interop @ torch)
            |> List.filter (fun m -> m.GetParameters() |> Array.exists (fun p -> p.ParameterType = typeof<CancellationToken>))

        Expect.isGreaterThan taking.Length 60 "methods that can be cancelled"

        none
            [ for method in taking do
                  let last = Array.last (method.GetParameters())

                  if
                      last.ParameterType <> typeof<CancellationToken>
                      || last.Name <> "cancellationToken"
                      || not (last.IsOptional || isDelegate method.DeclaringType)
                  then
                      nameOf method ]
            "of these it is otherwise"
    }

let private methods =
    test "methods: what is awaited ends in Async, out parameters are of Try methods, parameters have names" {
        let all = methodsOf (own @ interop)
        Expect.isGreaterThan all.Length 400 "methods"

        none
            [ for m in all do
                  if isAsync m.ReturnType <> m.Name.EndsWith("Async") then nameOf m ]
            "Async"

        none
            [ for m in all do
                  if not (m.Name.StartsWith "Try") && m.GetParameters() |> Array.exists _.IsOut then nameOf m ]
            "out"

        none
            [ for m in all do
                  for p in m.GetParameters() do
                      if String.IsNullOrEmpty p.Name || Char.IsUpper p.Name[0] then nameOf m ]
            "names of parameters"

        none
            [ for m in all do
                  for p in m.GetGenericArguments() do
                      if not (p.Name.StartsWith 'T') then nameOf m ]
            "names of type parameters"
    }

let private types =
    test "types: enums are singular, exceptions end in Exception, no fields but constants, no property is an array of objects" {
        none
            [ for kind in own do
                  if kind.IsEnum && kind.Name.EndsWith('s') && not (kind.IsDefined(typeof<FlagsAttribute>, false)) then kind.Name ]
            "plural enums"

        none
            [ for kind in own do
                  if typeof<exn>.IsAssignableFrom(kind) <> kind.Name.EndsWith("Exception") then kind.Name ]
            "exceptions"

        none
            [ for kind in own do
                  if not kind.IsEnum then
                      for field in kind.GetFields everything do
                          if not (field.IsLiteral || field.IsInitOnly) then nameOf field ]
            "fields"

        none
            [ for kind in own do
                  for property in kind.GetProperties everything do
                      let kind = property.PropertyType

                      if
                          kind.IsArray
                          && not (kind.GetElementType().IsValueType)
                          && not (kind.GetElementType().IsGenericParameter)
                      then
                          nameOf property ]
            "arrays of objects"
    }

let tests = testList "Design" [ tokens; methods; types ]
