/// Doc comments of everything public in the packages.
module CondEmbed.Tests.DocsReferenceTests

open System
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open System.Xml.Linq
open Expecto
open Microsoft.FSharp.Core
open Microsoft.FSharp.Reflection

/// The assemblies of the packages that lie beside the tests.
let packages =
    [ for file in Directory.GetFiles(AppContext.BaseDirectory, "CondEmbed*.dll") do
          let name = Path.GetFileNameWithoutExtension file
          if not (name.Contains "Tests" || name.Contains "Cli" || name.Contains "Sample") then Assembly.Load name ]

/// Names as doc comments have them, without parameters, that have something to say.
let private documented (package: Assembly) =
    let file = Path.Combine(AppContext.BaseDirectory, package.GetName().Name + ".xml")

    set
        [ for found in XDocument.Load(file).Descendants(XName.Get "member") do
              let inherits = not (isNull (found.Element(XName.Get "inheritdoc")))
              let summary = found.Element(XName.Get "summary")

              if inherits || (not (isNull summary) && summary.Value.Trim() <> "") then
                  found.Attribute(XName.Get "name").Value.Split('(')[0] ]

let private isMade (found: MemberInfo) =
    found.IsDefined(typeof<CompilerGeneratedAttribute>, false)
    || found.IsDefined(typeof<System.Diagnostics.DebuggerNonUserCodeAttribute>, false)

/// A case of a union or what the compiler adds to one.
let private isInsideUnion (kind: Type) =
    not (isNull kind.DeclaringType)
    && FSharpType.IsUnion(kind.DeclaringType, BindingFlags.Public ||| BindingFlags.NonPublic)

let publicTypes (package: Assembly) =
    [ for kind in package.GetExportedTypes() do
          if
              not (
                  isMade kind
                  || isInsideUnion kind
                  || kind.FullName.Contains "<"
                  || kind.FullName.StartsWith "Microsoft"
              )
          then
              kind ]

let private nameOf (kind: Type) = kind.FullName.Replace('+', '.')

let private isModule (kind: Type) =
    kind.GetCustomAttributes<CompilationMappingAttribute> false
    |> Seq.exists (fun mapping -> mapping.SourceConstructFlags = SourceConstructFlags.Module)

/// A part, as of a loss, says itself what it is: its name, source and settings.
let private saysItself (kind: Type) = kind.IsGenericType && kind.GetGenericTypeDefinition() = typedefof<CondEmbed.Part<_>>

/// Functions and values of a module.
let private inModule (kind: Type) =
    [ for found in kind.GetMembers(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly) do
          match found with
          | :? MethodInfo as method when not (method.IsSpecialName || isMade method || method.Name.Contains '|') ->
              [ $"M:{nameOf kind}.{method.Name}"; $"M:{nameOf kind}.{method.Name}``{method.GetGenericArguments().Length}" ],
              $"{nameOf kind}.{method.Name}"
          | :? PropertyInfo as value when not (isMade value || saysItself value.PropertyType) ->
              [ $"P:{nameOf kind}.{value.Name}" ], $"{nameOf kind}.{value.Name}"
          | _ -> () ]

/// Public members that carry no summary.
let undocumented (package: Assembly) =
    let there = documented package
    let has names = names |> List.exists there.Contains

    [ for kind in publicTypes package do
          // A module that has the name of its type is told by that type.
          if not (has [ $"T:{nameOf kind}" ]) && not (isModule kind) then nameOf kind

          if isModule kind then
              for names, shown in inModule kind do
                  if not (has names) then shown ]

let tests =
    testList
        "reference"
        [ for package in packages do
              test $"everything public of {package.GetName().Name} has a summary" {
                  let missing = undocumented package |> List.map (fun name -> "\n  " + name) |> String.concat ""
                  if missing <> "" then failtest $"no summary:{missing}"
              } ]
