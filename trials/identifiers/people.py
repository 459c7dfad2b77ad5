"""Names that people in the United Kingdom commonly bear, letters without accents, lower case. Written down for Roadtest.

Facts, not a copied list: which names are common is public (births and census statistics of England and Wales, Scotland and
Northern Ireland; community languages). A list can't be complete: what it misses is measured in
docs/scripts/identifier_evidence.py with names that are not in it.
"""

from __future__ import annotations

from trials.identifiers.words import listed

# Given names that are everyday words as well: they count beside a common surname only.
DOUBTFUL = listed(
    """
    amber angel april art august autumn basil bay bill bob brook carter cash chance chase christian colt crystal
    dale dawn dean del dick dolly drew earl faith fern fletcher flora forest frank gene ginger glory grace grant guy
    harmony heath heather heaven holly honey honor hope hunter ivy jack jade jasper jay jewel joy justice kit lance
    lane laurel linden mark max may melody mercy miles misty nell norm opal paige paris parker pat patience pearl
    penny pepper precious prince princess ray read reed rich rob robbie robin rod rocky ron rose ruby rusty sage
    sandy savannah serenity sky skye star sterling storm summer sunny temple trinity troy tyler victor victoria
    virginia wade ward warren will winter woody blessing comfort gift godwin praise austin awa chelsea chi eden
    florence georgia hao hoa hong ion iris jan jordan june lin madison min ming ola olive ping rong said viola
    violet wing dina promise sunday friday monday charity chastity constance clement constant fortune goodness
    destiny favour testimony wisdom nan tone hue hui hai jun lei wei lea liga dace sade sola reda bode kelvin pascal
    celeste constance fanta toma era regina
    """
)

# Given names that are hardly ever another word. Spellings that differ are names of their own.
GIVEN = listed(
    """
    aaron abigail adam adele adrian agnes aidan aiden aimee alan alana alasdair alastair albert alec alex alexander
    alexandra alexis alfie alfred alice alicia alison alistair allan amanda amelia amelie amy anastasia andrea
    andrew angela angus anita ann anna annabel annabelle anne annette annie anthony antonia archie arlo arthur
    ashley audrey aurora austin barbara barry beatrice becky belinda ben benjamin bernadette bernard beth bethan
    bethany betty beverley blake bobby bonnie brandon brenda brendan brian bridget bronwen bruce bryan bryony
    caitlin callum calum cameron camilla carl carla carly carmel carol carole caroline carolyn catherine catriona
    cecilia cerys charlene charles charlie charlotte chelsea cheryl chloe chris christina christine christopher
    ciaran cian claire clara clare clive colin connor conor corey craig cynthia daisy damian damien daniel danielle
    danny daphne darren dave david davina dawid dean deborah debra declan deirdre denise dennis derek dermot desmond
    diana diane dominic donald donna doreen doris dorothy douglas duncan dylan eamonn eddie edith edmund edward
    edwin eileen eilidh elaine eleanor elena elijah elizabeth ella ellen ellie elliot elliott eloise elsie emilia
    emily emma eoin eric erin ernest esme esther ethan eugene euan eva evan eve evelyn evie ewan felicity felix
    fergus finlay finley fiona florence francesca francis freddie frederick freya gail gareth gary gavin gemma geoff
    geoffrey george georgia georgina gerald geraldine gerard gillian gladys glen glenn glenys gloria gordon graeme
    graham greg gregory greta gwen gwyneth hamish hannah harold harriet harrison harry harvey hayden hayley hazel
    heidi helen helena henrietta henry hilary howard hugh hugo huw iain ian ieuan imogen irene iris irvine isaac
    isabel isabella isabelle isla isobel ivan ivor jackie jacob jacqueline jacqui jake james jamie jane janet janice
    jasmine jason jayden jean jeanette jeff jeffrey jemma jennifer jenny jeremy jess jessica jill jim jimmy joan
    joanna joanne jocelyn jodie joe joel john johnny jon jonathan jordan joseph josephine josh joshua josie joyce
    judith judy julia julian julie juliet june karen karl kate katherine kathleen kathryn kathy katie katrina katy
    kayleigh keiran keith kelly kelvin ken kenneth kerry kevin kieran kim kimberley kirsten kirsty kyle lara laura
    lauren laurence lawrence leah leanne lee leila lena lennie leo leon leonard leonie leslie lewis lexi liam lilian
    lillian lily linda lindsay lindsey lisa logan lois lorna lorraine louis louisa louise luca lucas lucia lucinda
    lucy luke lydia lyn lynda lynn lynne mabel madeleine madison maisie malcolm mandy marcus margaret maria marian
    marie marilyn marina marion marjorie martha martin mary mason matilda matt matthew maureen maurice mavis maxine
    megan melanie melissa melvin mervyn mia michael michaela michelle miles mildred millie miriam mitchell moira
    molly monica morag morgan muriel myra nadine nancy naomi natalie natasha nathan nathaniel neil nerys niall niamh
    nicholas nick nicky nicola nicole nigel nina noah noel nora norma norman nuala olive oliver olivia ollie oscar
    owain owen pamela patricia patrick paul paula pauline penelope peter philip philippa phillip phoebe phyllis
    poppy rachael rachel ralph raymond rebecca reece reginald reuben rhian rhiannon rhona rhys richard riley rita
    robert roberta robin roderick rodney roger roisin roland ronald ronan ronnie rory rosalind rosemary rosie ross
    rowan roxanne roy rupert russell ruth ryan sabrina sadie sally sam samantha samuel sandra saoirse sarah scarlett
    scott sean sebastian seren shane shannon sharon shaun shauna sheila shelley shirley sian sienna simon sinead
    siobhan sonia sophia sophie spencer stacey stanley stella stephanie stephen steve steven stewart stuart susan
    susanna suzanne sybil sylvia tamsin tania tanya tara tegan teresa terence terry tessa theo theodore theresa
    thomas tiffany tim timothy tina toby todd tom tommy toni tony tracey tracy trevor tristan una ursula valerie
    vanessa vera verity vernon veronica vicky vincent viola violet vivian vivienne wanda wayne wendy wesley wilfred
    william winifred xander yasmin yvette yvonne zachary zara zoe zac zack aadil aaliyah aamir aarav abbas abdallah
    abdi abdul abdullah abdullahi abdulrahman adeel adil adnan afzal ahmad ahmed ahmet aisha aishah aiza akash akbar
    akhtar akram ali alia aliyah alina altaf amal aman amandeep amar amina aminah amir amira amit amjad amna amrit
    anand anil anila anisa anjali anjum ankit anwar aqib aqsa arash arif arjun arooj arshad aryan asad asha ashok
    ashraf asif asim asma atif aya ayaan ayan ayesha aysha ayub azhar azra babar baljit balwinder bashir bhavesh
    bilal bilqis bushra chandra daljit danish darshan dawood deepa deepak deepika devi dilip dina dinesh divya eesa
    ehsan eman faisal faiza faizan farah farhan farhana farida farooq farzana fatema fatima fatimah fatma fawad
    faysal firdaus ghulam gita gopal gurdeep gurpreet gurvinder habib habiba hafsa hafsah haider hajra hakim halima
    hamid hamza hana hanan haneef hani hanif haris harish harjit harleen harpreet haroon hasan hasnain hassan hiba
    hina hira huda huma humaira husain husna hussain hussein ibrahim idris ikram ilyas imaan iman imran inaya inayah
    iqbal iqra irfan isha ishaan ismail israr jagdeep jagjit jalal jamal jameel jameela jamila jaspreet jasvinder
    javed jawad jaya jayesh jibril junaid kabir kajal kalpana kamal kamran karan karim kashif kavita kavya khadija
    khadijah khalid khalil kiran kishan komal krishna kuldeep kulwinder lakshmi laila lata layla leena lubna mahad
    maham mahesh mahira mahmood mahmoud mahnoor majid malaika malik malika manan mandeep manish manisha manjit manoj
    mansoor mariam maryam maryum masood mayur meena meera mehak mehdi mehmet mehmood mina minal mishal mohamed
    mohammad mohammed mohamud mohan mohsin mona moosa moses muhammad muhammed muhammet mukesh muna munir murtaza
    musa musab mushtaq mustafa muzammil nabeel nabila nadeem nadia nadir naeem nafisa naheed naima najma narendra
    nargis naseem nasir nasreen nasrin navdeep naveed navjot nawaz nazia nazir neelam neeta neha nida nihal nikhil
    nimra nisha nishat nitin noor noreen nusrat omar omer osama osman parminder parveen pawan poonam pooja prakash
    pranav pravin preeti priya qasim raana rabia radha rafiq rahim rahima rahman rahul raj raja rajan rajesh
    rajinder rajiv rakesh ramesh rameen ramla rania ranjit rashid rashida ravi ravinder rehan rehana rekha reza riaz
    rida rishi ritu riyad rizwan rizwana robina rohan rohit roshan rubina rukhsana rukia saad saba sabah sabeen
    sabir sabrin sadia safa safia safiya sahar sahil sahra said saif saima sajid sajida sakina saleem saleh salim
    salma salman samina samir samira samiya sana sandeep sangeeta sania sanjay sanjeev sara sarfraz satnam saud
    sayed seema shabana shabir shafiq shahid shahida shahnaz shahzad shaista shakeel shakil shamim shamsa shanaz
    sharif shazia sheetal shehzad shila shivani shoaib shreya shukri siddharth simran sobia sohail sonal sonali
    subhan suhail sukhdeep sukhjit sukhvinder sulaiman suleiman suleman sumaira sumaiya sumaya sumera sunil sunita
    suraj surinder suresh sushil swati syed tabassum tahir tahira tahmina talha tanveer tanvir taranjit tariq
    tasleem tasneem tayyab tayyaba tehmina umair umar umer usama usha usman uzma varun vijay vikas vikram vimal
    vinay vinod vishal waheed wajid waleed waqar waqas waseem yahya yaqub yash yaseen yasin yasir yasmeen younis
    yousef yousif yousuf yunus yusra yusuf zafar zaheer zahid zahida zahra zaid zaidan zain zaina zainab zakariya
    zaki zakir zaynab zeeshan zeinab zia zoya zubair zulfiqar abena abiodun abiola abimbola ade adebayo adedayo
    adeola adesola adetokunbo adewale adjoa afia afua akosua akua akwasi alhaji amara aminata amma anthonia araba
    asare ayo ayodeji ayodele ayomide babatunde bamidele bola bolaji bukola chiamaka chidera chidi chike chima
    chinedu chinonso chinwe chioma chukwudi chukwuemeka damilola daniella ebele ebony efua ekow emeka emmanuel enoch
    esi ezinne farai femi fiifi folake folasade funke funmi gbenga grace-ann ifeanyi ifeoma ijeoma ikechukwu isatou
    iyabo kamara kayode kehinde kelechi kofi kojo kudzai kunle kwabena kwaku kwame kwasi kwesi lamin mamadou mariama
    modou mojisola musu mutsa ngozi nkechi nkiru nneka nnamdi nnenna nomsa nyasha obinna oghenekaro olabisi oladele
    olamide olayinka olu oluwafemi oluwaseun oluwaseyi oluwatobi omolara onyeka ousmane rudo samuelson sekou
    sibusiso simba sizwe solomon tafadzwa taiwo tanaka tapiwa tatenda tawanda temitope tendai thabo thandi tinashe
    titilayo tobi tolu tope tunde tunji uche uchenna ugochukwu yaa yaw yemi yetunde yinka zanele zodwa fatoumata
    aissatou abdoulaye ibrahima oumar souleymane awa binta fanta abebe alem almaz bekele biniam dawit eden filmon
    freweini gebre haben hailu hiwot kidane lemlem meron mihret mulugeta rahel samrawit selam semhar senait tekle
    tesfay tigist tsegay yared yohannes yonas zerihun abdiaziz abdifatah abdikadir abdirahman faduma farhiya fartun
    fowzia hodan ifrah ikran ladan liban mahamed mohamoud najah nimco sagal saciid warsame yasmiin zamzam adriana
    agata agnieszka albena aleksandar aleksander aleksandra alicja ana anca andrei andreea andrej andrzej aneta
    antoni artem artur arturas audrius aurelia barbora bartek bartosz beata blazej bogdan bohdan boris borislav
    bozena bronislaw catalin ciprian constantin cosmin cristian cristina czeslaw damir dana daniela danuta daria
    dariusz darius daumantas denisa dimitar dmitri dmitry dominik dominika dorota dragos edgars edyta egle elzbieta
    emil ewa ewelina filip florin franciszek gabriela gabriel gabija gheorghe giedre gintaras grazyna grzegorz
    halina hanna henryk ieva igor ilie ilona ilze inga inese ionut ioana ion irena irina iryna iulia ivana ivaylo
    iveta iwona izabela jacek jadwiga jakub jan janina janis jaroslav jaroslaw jarek jelena jerzy jiri jolanta jonas
    jozef juozas julita juraj justina justyna kacper kalina kamil kamila karol karolina kasia kasper katarzyna
    katerina kazimierz kinga klaudia konrad kristina kristine krzysztof ksenia laszlo laimonas lech lenka leszek
    lidia liene ligita liudmila lubomir lucyna ludmila lukas lukasz maciej magda magdalena maja malgorzata marcel
    marcin marek margarita mariana mariola mariusz marta martyna martina martins mateusz matej mateo michal mihaela
    mihai mikolaj milena milos mindaugas mircea mirela miroslav miroslaw monika nadezhda natalia natalija
    nikola nikolai nikolay nikoleta oksana ola olena oleksandr olga oleg oliwia ondrej patrycja patryk pavel pawel
    petr petra petru piotr plamen przemyslaw radek radka radoslaw radu rafal raluca ramona rasa razvan renata
    robertas roksana roman rosen ruslan ryszard sandris saulius sebastien sergei sergey silvia simona slawomir sorin
    stanislav stanislaw stefan stefania stefka stoyan svetlana sylwia szymon tadeusz tamara tatiana tatyana teodor
    tomas tomasz tsvetan tudor urszula vaclav valentina vasil vasile vasyl viktor viktoria vilma violeta viorel
    vitalie vlad vladimir vladislav volodymyr waldemar weronika wieslaw wiktor wiktoria wioletta witold wladyslaw
    wojciech yana yordan yulia zbigniew zdenek zofia zoltan zuzana zuzanna zygmunt alejandro alessandro alvaro
    antonio beatriz bruno carlos carmen catarina diego eduardo enrique fatmata federica felipe fernanda fernando
    filipa francisco giovanni giulia giuseppe goncalo guilherme ines isabela javier joao joaquim jorge jose juan
    juliana leticia lorenzo luciana luis luisa luiz manuel marco margarida mario mateus miguel nuno paola paolo
    paulo pedro pilar rafael raquel ricardo roberto rodrigo rosa rui salvatore sergio sofia susana thiago tiago
    vitor anh bao chen chi dang duc giang hai hao hoa hong hue hui huong jia jing jun lan lei li ling linh mei
    meiling ming minh nguyen nhung ning phuong ping qiang quang rong siu tao thanh thao thuy trang tran tuan wai wei
    wing xiao xin yan yang ying yong yuki yun zhen alessia andreas angelo christos costas dimitris eleni georgios
    giorgos ioannis konstantinos nikos panagiotis stavros yiannis arben artan besnik blerta drita elira erjon fatos
    fjolla gentian ilir kastriot kujtim liridona luan shpresa valbona vjosa azadeh bahram behnaz bijan dariush
    farhad farshid fereshteh hamed hossein jamshid kaveh kourosh leyla mahsa masoud mehrdad mitra mohsen nasim
    niloufar parisa pouya ramin roya sepideh shirin siamak soheila ayse cem deniz ebru elif emre esra fatih gulay
    hakan hatice huseyin kemal mehtap murat nurcan ozan ozlem selin serkan sevgi sibel tolga ufuk umit volkan
    yasemin zeynep berfin dilan hevin rojda shilan sherzad karwan
    aleisha alisha alvin amos aubrey bernice bert betsy billy brett bridie byron carrie cassandra cecil cedric ceri
    cheryll claudia clifford clint colette colleen cora cordelia corinne cyril darcy daryl davy deanna delia della
    delphine denis denzil dionne dora dwayne edgar edna effie eira elfed elin elwyn emlyn enid erica ethel eunice
    fay fergal fred freda garth gayle geraint gertrude gethin gina glenda glyn griff gwyn gwynne hattie hector
    herbert hettie horace hubert ida ifan ina irving isobelle jana janette janine jared jayne jenna jeremiah jerome
    jody joely josette julius justin kara katelyn keely keira kendra kenny kirk kirstie krystal kurt lachlan laurie
    leigh len lenny leroy lesley levi lianne lillie lottie lucille lucian luther madge maeve maggie mairi mandi marc
    marcia margot marianne marla marsha martyn mathew maude meghan melinda mhairi mick mikayla millicent milly
    mollie montgomery morwenna moya murdo nan nathalie ned nesta nettie nikki norah oonagh oran orla otis otto percy
    peggy petula piers polly priscilla quentin ralf randolph reggie rex rhoda ricky robyn rolf rona rosalie rosamund
    rosanna roxana ruairi rufus ruthie sacha sasha selina selwyn shaunagh shayla shaz shona sidney sorcha stan steph
    stevie sue susie suzy tabitha ted tegwen thea thelma theodora tia tierney tilly tracie trisha trish trudy tyrone
    ulrika vic vikki vinny walter warrick wilf wilhelmina winnie winston yolanda zena zelda aadhya aarya abhishek
    aditya ajay akshay alok amitabh ananya aniket anish ankita anupama anuradha arav archana arnav arpita arun aruna
    arvind ashish ashwin avinash ayush babita balbir baldev balraj bharat bharti bhavna bhupinder chandan charanjit
    chetan davinder devika dhruv diya gagandeep ganesh gaurav geeta girish gurjit gurmeet gurmit gurnam hardeep
    hardip hari harinder hemant hetal inderjit ishan jagtar jai janki jasleen jasmeet jasmin jaswinder jatinder
    jayant jitendra jyoti kalyani kanta karthik ketan kripa krish kunal lalita madan madhav madhavi madhu mahendra
    malkit manpreet meenakshi mohinder mohit mukta nalini nandini naresh naveen neel neeraj nilesh niraj nirmal
    nirmala nishant nitya paresh parth pradeep pradip pramod prashant pratap preya priyanka pushpa radhika
    raghav rajni rajvinder ranbir ranjana rashmi renu ritesh rohini ruchi rupinder sachin sahana sanjana santosh
    sapna sarita sarla satish satvinder savita shanti sharda shilpa shobha shubham shweta sital smita sneha sudha
    sudhir sukhwinder suman surjit sushila swaran swapna tanvi tarun tejinder tushar ujjwal uma umesh urmila vandana
    varinder varsha vasant veena vidya vinaya vipul virender vishnu vivek yogesh yuvraj aasim abid abida abu adeeba
    afsana afshan aftab aqeel arsalan asiya aslam atiq atiya azeem azam bano basit batool benazir danyal dilawar
    dilshad ejaz fahad fahim faheem fareed fariha fayaz fazal fiza ghazala gulshan gulzar hakeem hamida hammad
    hanifa hashim humayun ibtisam ijaz inaam isma jabbar jahangir javaid junayd kalsoom khadeeja khaled khurram
    khushi kulsoom liaqat lukman luqman maheen maimuna maleeha maqsood marwa mehreen mehwish misbah mobeen mohsan
    moeen mubarak mubashir mudassar mujahid muneeb murad nafees naila najib naveeda nawal noman nuha nusaybah qadir
    rabiya raees raheel rahmat ramzan rasheed razia rehman ruqayyah sabiha sadaf sadiq sadiya saeed safdar safwan
    sahir sajjad salahuddin samia samreen sanaa sarwar shabbir shafaq shahbaz shaheen shahzaib shakila shamaila
    shanza shaukat shehnaz shehryar shumaila sidra sohaib subhana sultana sumayyah suraiya tabish tahseen taiba
    tamanna tanzeela tauseef taimoor tayyiba ubaid umaima umme uzair waheeda wahida wasif yaqoob zahoor zainul zaman
    zarina zarqa zeenat zohra zubaida abayomi abosede adaeze adanna adeboye adedeji adekunle adeniyi aderonke
    adesoji adetola adunni akinwale akinyemi amaka amarachi amoke anayo anuoluwapo arinze ayinde azubuike babajide
    bisi bode bolanle bosede busayo chiagozie chibuike chibuzo chidimma chidinma chiemeka chigozie chijioke chinaza
    chinelo chinenye chinonye chisom chizoba chuka chukwuma dapo dayo dele ebuka ejike ekene eniola enitan ezekiel
    fadekemi faderera folarin funmilayo gbemi gbolahan godfrey hadiza ibironke ifeoluwa ifunanya ikenna iretiola
    jumoke kemi kikelomo kolawole kosisochukwu ladi lekan lere lola mayowa modupe moyosore nkem nkiruka nonso
    obiageli obiora oche ogechi okechukwu okey olajumoke olatunji olawale olufunke olumide oluchi olusegun
    oluwadamilola oluwakemi omotola omowunmi onyinye opeyemi oyindamola remi rotimi ronke sade segun sola somadina
    somto temi temidayo tiwalade tomi toyin tosin ugonna uju uzoma wale wuraola yewande yusufu aliyu habibu kabiru
    nasiru mahmud sani garba usmanu zubairu akwesi ama baaba ekua ebo kweku maame nana kojoe nii akosuah boateng
    lungile mthunzi nkosana rutendo rumbidzai ruvimbo shamiso takudzwa tariro tsitsi vimbai panashe munashe
    kudakwashe chenai anesu natsai wanjiru njeri wambui kamau mwangi otieno achieng akinyi nyambura wairimu juma
    baraka neema amani zawadi fatou ousman ebrima kebba yankuba sainabou mbye adelina alexandru alin anamaria anda
    andrada andreia anisoara aurel aurica beatrix bianca bogdana calin camelia catalina claudiu corina cornel
    cornelia costel costin cristiana daciana danut decebal doina dorin dorina dumitra dumitru elisabeta eugen
    eugenia florentina florica florinel gabi georgeta georgel gheorghita gigel horia iancu ileana ionel iulian
    iuliana lacramioara larisa laurentiu lavinia liliana liviu liviua loredana luminita madalina marilena marinela
    marinel marius mirel mitica narcisa nicolae nicoleta nicusor octavian oana ovidiu paraschiva pompiliu remus
    rodica sanda sebastiana simion sorina stelian tiberiu timotei toma traian valeriu vasilica viorica virgil
    zaharia adrianna aniela antonina apolonia arkadiusz bernadeta bianka borys bozenna bronislawa cezary dagmara
    dobrawa eliza emilian eryk eugeniusz eustachy fabian felicja fryderyk genowefa gustaw ignacy ireneusz iwo
    jaroslawa jedrzej jeremi jozefina julianna kajetan kornelia krystian krystyna leokadia lucja ludwik ludwika
    malwina marcelina marianna marika maurycy melania michalina mieczyslaw mieszko milosz nataniel nela nikodem
    norbert olaf oskar otylia pola roza rozalia ryszarda stanislawa tobiasz tola tymon tymoteusz wawrzyniec wieslawa
    wincenty zdzislaw zenon adas agne aistis antanas arijus arminas arunas aurelija austeja birute daiva dalia
    danguole deividas dovile edita edvinas emilija ernestas eugenijus evaldas gediminas gintare giedrius ignas indre
    ineta irmantas jolita jurgita justas justinas kestutis kotryna kristijonas laima lina linas lukrecija mantas
    milda mykolas nerijus nijole paulius petras povilas ramunas raimonda reda regina rimantas rokas rolandas ruta
    simas skaiste tadas titas ugne vaida valdas vasare vilius virginija vytautas zilvinas zydrunas aigars aivars
    andris arnis artis baiba dace dainis eriks guntis gunta inta juris karlis kaspars liga maris normunds oskars
    raimonds raivis sanita sarmite uldis valdis vita zane abdulkadir alaattin aleyna arda aslihan aydin aylin
    aysel aysegul baris batuhan berk beyza bulent burak burcu busra canan cemal cengiz cihan derya dilara dilek
    dogan ece elcin emine emin emir enes engin ercan erdal erdem erol esin esma fehmi ferhat fikret filiz furkan
    gamze gizem gokhan gonul gulsen gulten haluk hamdi hilal husniye ihsan ilayda ilhan ilker irem ismet kaan kadir
    kadriye kenan kerem koray leman levent lutfi melek melike meltem mert merve mesut metin muge muhsin muzaffer
    nazan nazli necati nejat nesrin nihat nilufer nuri nuriye okan onur orhan ozge ozgur pelin pinar ramazan recep
    refik sabri salih seda sedat sefa semih sena serdar serhat sevda sevil sevim sinan suleyman suna sukru taner
    tarik tugba tuncay turgut ugur umut vedat veysel yagmur yalcin yavuz yeliz yesim yilmaz zafer zehra zuhal
    adriano afonso albano alfredo amadeu anibal aparecida armando augusto benedita bernardo caetano carlota carolina
    celeste celia celso clarice claudio constanca cristiano dinis domingos duarte eduarda elisa elsa emanuel enzo
    ermelinda fabiana fabio flavia francisca frederico gaspar gil gisela graca guilhermina helder heitor henrique
    iara ivo jaime josefa julio lourenco luciano ludovina mafalda marcelo marcos mariano marilia marisa martim
    matias matilde mauricio mauro micaela moises noemia odete otavio palmira piedade rafaela renato rogerio romeu
    rosalina rosaria ruben salome salvador sandro santiago sebastiao silvana simao simone soraia telmo valter vanda
    vasco vicente virgilio vitoria adolfo agustin alba alberto alejandra alfonso alonso amparo anselmo
    araceli arturo asuncion belen benito blanca camilo candela candelaria carmelo cayetano consuelo cristobal
    dolores emilio encarnacion ernesto esperanza esteban estefania estrella eulalia fabiola fidel gonzalo guadalupe
    guillermo gustavo ignacio inmaculada isidro itziar jacinto jesus jimena joaquin josefina juana leandro leonor
    macarena manuela marcial maribel marisol montserrat nerea nieves noelia nuria octavio olalla pablo
    paloma pepe perla purificacion ramiro ramon raul remedios reyes rocio santos saul sonsoles soledad
    trinidad valeria ximena agostino alberta alessandra annalisa antonella antonino arianna aldo attilio
    carmela cesare chiara cinzia concetta cosimo dante davide donatella donato edoardo eleonora elettra elio
    emanuela emanuele enrica enrico ettore eugenio fabrizio federico filippo fiorella flavio francesco gaetano
    giacomo gianluca gianni gino giorgio giovanna giuliano giuseppina graziella guido jacopo letizia lorena luigi
    marcella margherita mariangela massimo mattia maurizio mirko nicolo ornella ottavio paolina pasquale patrizia
    piero pierluigi pietro raffaele raffaella renzo riccardo rinaldo rocco romano salvatora sabatino simonetta
    stefano tiziana umberto valentino vincenza vincenzo vittoria vittorio zaira adrien agathe alain alphonse antoine
    arnaud aurelie aurore baptiste benoit blaise brigitte camille celine chantal christelle christiane christophe
    clemence corentin cyrille didier dominique edouard elodie emilie emmanuelle estelle etienne eugenie fabien
    fabrice florian francine francois francoise frederic gaelle genevieve georges ghislaine gilles gregoire
    guillaume helene herve hugues jacques jeanne josiane julien laetitia laurent lea leonce loic luc lucie manon
    marcelle margaux martine mathieu mathilde mathis matthieu maxence michele mireille monique myriam nicolas noemie
    odette odile olivier pascal pascale patrice paulette philippe pierre raphael remy rene renee romain sabine
    sandrine sebastienne serge severine solange stephane sylvain sylvie theophile thibault thierry timothee
    veronique victoire virginie xavier yannick yves yvon anders anneliese annika armin astrid axel bastian beate
    benedikt bernd birgit bjorn britta burkhard carsten christa claus corinna cornelius detlef dieter dietmar dirk
    eberhard edeltraud egon elfriede elke elmar emmerich erich erika erna ernst erwin ewald franz friedrich fritz
    gerda gerhard gerlinde gert gottfried gudrun guenter gunter gunther hannelore hanne hans hartmut heike heiko
    heiner heinrich heinz helga helmut henning herta hilde hildegard holger horst ilse ingeborg inge ingo ingrid
    irmgard jens joachim jochen jorg josef jurgen jutta kai karin karsten katja katrin klaus knut kristin lars
    leopold liesel lothar ludwig lutz manfred margarete margret marko markus mathias matthias mechthild meike nadja
    nils rainer reiner reinhard reinhold renate rudiger rudolf sabina siegfried sigrid silke soren stefanie steffen
    susanne sven thorsten tilmann torsten traudel udo ulrich ulrike ursel ute uwe veit volker walburga waltraud
    werner wilfried wilhelm willi wolfgang bjarne eirik erik freja gunnar haakon halvor harald helle henrik ingvild
    jesper jorn kjell lasse leif magnus marit mette mikkel morten niels oskari pernille poul rasmus siri sigurd
    silje solveig svend tone torben trine aoife aisling bronagh caoimhe cathal ciara clodagh cormac daithi dara
    deirbhile diarmuid donal dympna eimear emer eoghan fiachra finbar fionn fionnuala gearoid grainne iarla laoise
    mairead micheal muireann muiris nollaig oisin orlaith padraig paudie proinsias sadhbh sile tadhg treasa agron
    albana altin ardit armend arta astrit bardha bekim besa blerim bujar dardan dritan edona elona enkeledja erjona
    ermal fatmir flutura genc ilda jeta jetmir kreshnik lule lumturije luljeta majlinda merita mimoza mirjeta
    nexhmije pranvera qendrim rinor shkelqim shpend skender teuta valmir vjollca xhevdet zana abdelkader abderrahim
    amine anass anis aymen ayoub badr brahim chaima djamel driss fadila farid fathi fouad ghita hakima hicham houda
    ilham ismael issam jalila jihane kaoutar karima khadra lamia latifa loubna mohand mounir mourad mouna nabil
    naoufal narjis nassim nawel nizar noura omayma othmane rachid rachida radouane rym saida samy sarra siham
    slimane sofiane soraya souad soukaina tarek wafa wassim yacine yassine youcef youssef zakia zineb ziad aso azad
    bakhtiar barzan beritan dler goran hawar hemin hiwa jwan kawa khabat nask rebaz rebwar rozhin saman sarkawt
    shler shwan soran ajmal aryana breshna gulalai hamidullah jawid khalilullah lailuma mirwais najibullah nasrullah
    obaidullah palwasha qudratullah rahmatullah shabnam shafiqullah shukria wahidullah zalmai zarghuna anushka
    arosha chaminda chathura dilani dilini dinuka gayan harsha ishara kumari lakmal lasantha malini nadeesha nimal
    nuwan prasanna priyantha rangika ruwan sampath sanduni sunethra thilini thushara arulmozhi balasingam jeyanthi
    kandiah karthiga nalayini pirasanth sivakumar suganthini thanushan thavarajah vasanthi vigneswaran yogeswaran
    """
).difference(DOUBTFUL)

# Surnames that are hardly ever another word.
SURNAMES = listed(
    """
    abbott adams adamson ahmed akhtar akinola alexander ali allan allen anderson andrews armstrong arnold atkinson
    austin bailey baker ball banks barker barnes barnett barrett barry bartlett bates begum bell bennett benson
    bentley berry bevan bhatti bibi birch bird bishop blackburn bolton booth bowen boyle bradley bradshaw brady
    brennan briggs brookes bryant buckley burgess burke burton butcher byrne cameron campbell carroll chambers
    chapman chaudhry choudhury clark clarke clayton coates cole coleman collins connolly connor cooper coulson cox
    craig crawford cullen cunningham curtis daly davidson davies davis davison dawson dhillon dixon doherty donnelly
    doyle duffy duncan dunn edwards elliott ellis evans faulkner ferguson fernandes fitzgerald fletcher flynn
    forster foster fowler fraser freeman fuller gallagher gardner garner gibbons gibson gilbert giles gill goodwin
    gordon graham grant gray green greenwood gregory griffin griffiths grewal gupta hall hamilton hancock hanson
    hardy harris harrison hart harvey hassan hayes haynes henderson henry hewitt higgins hill hobbs hodgson holmes
    holt hopkins horton howarth howe howell hudson hughes humphries hunt hunter hussain hutchinson hyde iqbal
    jackson jacobs james jarvis jenkins jennings john johnson johnston johnstone jones jordan joshi kaur kay kelly
    kemp kennedy kerr khan king kirby knight knowles kowalski kumar lamb lambert lane law lawrence lawson leach lee
    lees lewis little lloyd long lowe lucas lynch macdonald mackay mackenzie mahmood malik mann manning marsh
    marshall martin mason matthews may mccarthy mcdonald mckenzie mclean mcmahon mehta middleton mills mistry
    mitchell moore moran morgan morris morrison morton moss mukherjee muhammad mullins murphy murray myers nash
    naylor nelson newman newton nguyen nicholls nicholson nolan norman norris north norton nowak o'brien o'connor
    o'neill o'sullivan oconnor okafor okonkwo oliver osborne owen owens page palmer parker parkin parkinson parmar
    parry parsons patel patterson payne peacock pearce pearson perkins perry peters phillips pickering poole pope
    popescu porter potter powell power pratt preston price pritchard pugh quinn rahman ramsay randhawa reed rees
    reid reynolds rhodes rice richards richardson riley roberts robertson robinson robson rodriguez rogers rose ross
    rowe rowley russell ryan sahota sanders sanderson saunders savage schofield scott shah sharma sharp sharpe shaw
    shepherd sheppard short siddiqui simmons simpson sims sinclair singh skinner slater smart smith spencer stanley
    steele stephens stephenson stevens stevenson stewart stone stuart summers sutton swift sykes talbot taylor terry
    thomas thompson thomson thornton todd townsend tran tucker turnbull turner tyler uddin vaughan vincent wade
    wagner walker wall wallace wallis walsh walters walton ward warner warren waters watkins watson watts webb
    webster welch wells west weston wheeler white whitehead whitehouse whittaker wilkins wilkinson williams
    williamson willis wilson winter wojcik wong wood woodward wright wyatt yates young yusuf zhang
    abubakar adeyemi adeleke afolabi agarwal ahmadi amin aslam asante awan aziz baig balogun banerjee bangura barua
    bello bhatt boateng butt chan chaudhary chauhan chen chowdhury christie da'costa desai dhaliwal diaz diallo
    farooq fernandez garcia ghosh gonzalez goncalves haque hoque hossain ibrahim ionescu jalloh kamara karim
    kaminski khalid khatun lewandowski lopez malhotra mahmud martinez mbeki mensah miah mian mirza mohamed mohammed
    moyo mutasa nair nawaz ncube ndlovu ogunleye okoro olawale osei owusu pereira perera petrov pillai popa qureshi
    radu rafiq raja rao rashid rehman reddy rodrigues saeed sandhu santos sesay sethi shaikh shahid sheikh siddique
    silva sidhu singhal sohal suleiman szymanski thapa tiwari turay ullah virk wang wisniewski wu yadav yilmaz zaman
    zielinski sousa costa ferreira oliveira kovac novak horvat baxter beattie blair boyd brooks carr carson cassidy
    chadwick clements clifford conway corbett costello coyle crossley cummings currie dalton davey denton devlin
    dodd donaldson donovan dougherty douglas drummond duffield dyer eaton egan emerson fallon farrell finlay
    fitzpatrick flanagan fleming forbes garrett gibb gillespie goddard gough grady haley halliday hargreaves harding
    harrington hartley hawkins healy heaton hennessy hepburn herbert hilton hogan holden hooper houghton humphrey
    hurst ingram irvine irving iverson jeffries kane kavanagh kearney keane keating kelsey kendall kilburn lawton
    leonard livingstone lockwood logan lowry lyons macleod maguire malone marsden massey maxwell mccabe mccall
    mccann mcdermott mcdonnell mcgrath mcgregor mcguire mcintosh mcintyre mckay mckenna mclaughlin mcleod mcnally
    mcnamara mcneill mercer merritt metcalfe milne monaghan mooney muir munro naughton neville nicol nixon o'donnell
    o'hara o'keefe o'leary o'reilly ormerod orr osullivan paterson paton peel pollard prentice proctor purcell
    quigley rafferty ramsey redmond regan rigby ritchie roach roche rooney rowland rutherford sampson sherwood
    shields slade sloan smyth stafford stanton strickland sullivan sweeney tait tate thorne thorpe tierney tobin
    travis trimble tully underwood vickers wainwright waller wardle warwick wharton whelan whitaker whitfield
    whittle wilcox wiley wilkes willard woodhouse wooldridge worthington
    """
)

# Surnames that are everyday words as well: no name by themselves or beside an initial or another doubtful word.
WORDS_TOO = listed(
    """
    baker ball banks barnes bell berry bird birch bishop booth butcher chambers cole cooper craig cross day field
    fisher fletcher foster fowler fuller gardner grant gray green hall hardy hart henry hill holt hope hunt hunter
    john jordan kay king knight lamb lane law little long marsh may moss north page parker peacock pope porter
    potter power price rice rose sharp shepherd short skinner smart steele stone summers swift terry tyler wade wall
    ward warren waters wells west wheeler white winter wood young brown black cook
    preston bolton blackburn sutton burton stafford hilton middleton norton newton walton weston kirby dalton houghton
    denton marsden warwick hamilton nelson
    """
)

# Words that make a row of capitalised words something else than a person: places, bodies, documents, days.
NOT_PEOPLE = listed(
    """
    academy act active and appointment approach area arms assessment association attended autumn avenue awaiting
    bank barracks bay borough bridge building business care castle cathedral centre center charity church city
    clinic close club coast college community company completed contacted corner council county course court
    crescent cross day dental department district drive east east-side estate exchange fair farm field fields flat
    flats football foundation friday garden gardens gate general grammar grove group hall harbour health heath
    high home hospice hospital hostel house industrial infant infirmary inn international island junction
    junior kitchen lane level library limited lodge low ltd manor market media medical meeting memorial mews middle
    monday moor mount museum new nhs north not office old order palace parade parish park partnership place plan
    police port practice primary prison probation programme programs program project prospect quay referral region
    report residential resource review rise river road room rooms row royal saint saturday school secondary service
    services session shelter society south spring square st state station street studio studios summer sunday
    surgery team terrace theatre the thursday tower town training trust tuesday union unit university upper valley
    view villa village visit walk ward warehouse wednesday week west wing winter works workshop yard year yes
    no none unknown january february march april may june july august september october november december
    """
)
