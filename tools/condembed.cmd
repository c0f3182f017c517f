@echo off
rem The program as built by "dotnet build -c Release".
dotnet "%~dp0..\shell\CondEmbed.Cli\bin\Release\net10.0\CondEmbed.Cli.dll" %*
