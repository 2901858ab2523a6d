; SharpCam's installer for Windows; setup.py calls makensis with what is not said here.
;
;   setup.exe                          asks
;   setup.exe /S [/AUTOSTART] [/D=C:\a folder]   does not ask; /AUTOSTART: start at login
;
; UnityCapture, the virtual camera, is registered as SharpCam in a slot that no product has. Its
; class ids are the same in every product, so a registration that is there is never touched.

Unicode true
Target amd64-unicode
SetCompressor /SOLID lzma
ManifestDPIAware true
!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"

Name "SharpCam"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\SharpCam"
InstallDirRegKey HKLM "${UNINSTALL}" "InstallLocation"
RequestExecutionLevel admin ; DirectShow's cameras are those of the whole computer
!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\SharpCam"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPROVED "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
!define CLASSES "Software\Classes\CLSID"
!define CAMERAS "{860BB310-5D01-11D0-BD3B-00A0C911CE86}"
!define LAST_SLOT 13 ; class ids of later ones meet those of the other kind of programs

!insertmacro MUI_PAGE_LICENSE "${LICENCE}"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; $R1 = the class id of slot $R0 for programs of so many bits. The number after that of slot 0 is
; the property page's.
!macro ClassId BITS
  !if ${BITS} == 64
    IntOp $R1 $R0 + 0x10
  !else
    IntOp $R1 $R0 + 0x20
  !endif
  ${If} $R0 > 0
    IntOp $R1 $R1 + 1
  ${EndIf}
  IntFmt $R1 "%02X" $R1
  StrCpy $R1 "{5C2CD55C-92AD-4999-8666-912BD3E700$R1}"
!macroend

; $R2 becomes 1 where any product has slot $R0 for programs of so many bits.
!macro LookUp BITS
  SetRegView ${BITS}
  !insertmacro ClassId ${BITS}
  ClearErrors
  ReadRegStr $R3 HKCR "CLSID\$R1" ""
  ${IfNot} ${Errors}
    StrCpy $R2 1
  ${EndIf}
  ClearErrors
  ReadRegStr $R3 HKCR "CLSID\$R1\InprocServer32" ""
  ${IfNot} ${Errors}
    StrCpy $R2 1
  ${EndIf}
!macroend

; The keys that UnityCapture's own registration writes, for slot $R0.
!macro Register BITS
  SetRegView ${BITS}
  !insertmacro ClassId ${BITS}
  WriteRegStr HKLM "${CLASSES}\$R1" "" "SharpCam"
  WriteRegStr HKLM "${CLASSES}\$R1\InprocServer32" "" "$INSTDIR\UnityCaptureFilter${BITS}.dll"
  WriteRegStr HKLM "${CLASSES}\$R1\InprocServer32" "ThreadingModel" "Both"
  WriteRegStr HKLM "${CLASSES}\${CAMERAS}\Instance\$R1" "CLSID" "$R1"
  WriteRegStr HKLM "${CLASSES}\${CAMERAS}\Instance\$R1" "FriendlyName" "SharpCam"
  WriteRegStr HKLM "${CLASSES}\${CAMERAS}\Instance\$R1" "DevicePath" "sharpcam:$R0"
  WriteRegBin HKLM "${CLASSES}\${CAMERAS}\Instance\$R1" "FilterData" "${FILTER_DATA}"
!macroend

; Takes slot $R0 back, where the library in our folder has it.
!macro Unregister BITS
  SetRegView ${BITS}
  !insertmacro ClassId ${BITS}
  ReadRegStr $R3 HKLM "${CLASSES}\$R1\InprocServer32" ""
  ${If} $R3 == "$INSTDIR\UnityCaptureFilter${BITS}.dll"
    DeleteRegKey HKLM "${CLASSES}\$R1"
    DeleteRegKey HKLM "${CLASSES}\${CAMERAS}\Instance\$R1"
  ${EndIf}
!macroend

!macro UnregisterAll
  ${For} $R0 0 ${LAST_SLOT}
    !insertmacro Unregister 64
    !insertmacro Unregister 32
  ${Next}
  SetRegView 64
!macroend

; Ends a SharpCam that runs, whose files could not be replaced; it answers when it has ended.
!macro Quit
  ${If} ${FileExists} "$INSTDIR\sharpcam.exe"
    nsExec::Exec '"$INSTDIR\sharpcam.exe" quit'
    Pop $R3
  ${EndIf}
!macroend

Section "SharpCam"
  SectionIn RO
  SetRegView 64
  SetShellVarContext all
  !insertmacro Quit
  SetOutPath "$INSTDIR"
  File /r "${PROGRAM}\*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\SharpCam.lnk" "$INSTDIR\sharpcamw.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "SharpCam"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayIcon" "$INSTDIR\sharpcamw.exe"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "SharpCam maintainers"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "EstimatedSize" ${SIZE_KIB}
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1
SectionEnd

!ifdef UNITYCAPTURE
Section "Virtual camera" VIRTUAL_CAMERA
  SetOutPath "$INSTDIR"
  File "${UNITYCAPTURE}\UnityCaptureFilter64.dll"
  File "${UNITYCAPTURE}\UnityCaptureFilter32.dll"
  File "${__FILEDIR__}\UnityCapture-LICENCE.txt"
  !insertmacro UnregisterAll ; what an older version of ours has
  StrCpy $R4 "none"
  ${For} $R0 0 ${LAST_SLOT}
    StrCpy $R2 0
    !insertmacro LookUp 64
    !insertmacro LookUp 32
    ${If} $R2 == 0
      StrCpy $R4 $R0
      ${Break}
    ${EndIf}
  ${Next}
  ${If} $R4 == "none"
    DetailPrint "Every slot of UnityCapture is taken: use the virtual camera of OBS"
  ${Else}
    StrCpy $R0 $R4
    !insertmacro Register 64
    !insertmacro Register 32
    DetailPrint "The virtual camera SharpCam has slot $R4 of UnityCapture"
  ${EndIf}
  SetRegView 64
SectionEnd
!endif

Section /o "Start at login" AUTOSTART
  ; The same value as that of `sharpcam autostart on`.
  WriteRegStr HKCU "${RUN}" "SharpCam" '"$INSTDIR\sharpcamw.exe"'
  DeleteRegValue HKCU "${APPROVED}" "SharpCam"
SectionEnd

Function .onInit
  SetRegView 64
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/AUTOSTART" $R1
  ${IfNot} ${Errors}
    SectionSetFlags ${AUTOSTART} ${SF_SELECTED}
  ${EndIf}
FunctionEnd

Section "Uninstall"
  SetRegView 64
  SetShellVarContext all
  !insertmacro Quit
  !insertmacro UnregisterAll
  DeleteRegValue HKCU "${RUN}" "SharpCam"
  DeleteRegValue HKCU "${APPROVED}" "SharpCam"
  DeleteRegKey HKLM "${UNINSTALL}"
  Delete "$SMPROGRAMS\SharpCam.lnk"
  Delete "$INSTDIR\UnityCaptureFilter64.dll"
  Delete "$INSTDIR\UnityCaptureFilter32.dll"
  Delete "$INSTDIR\UnityCapture-LICENCE.txt"
  !include "${REMOVAL}"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
SectionEnd
